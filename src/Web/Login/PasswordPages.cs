using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Login;

/// <summary>The links in the mails for a reset and an invitation. Opening one shows a page and changes nothing; its button acts.</summary>
static class PasswordPages
{
    public static void MapPasswordPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/").ExcludeFromDescription();
        pages.MapGet("/forgot", () => new RazorComponentResult<ForgotPage>());
        pages.MapPost("/forgot", Forgot).RequireRateLimiting(RateLimits.SignIn);
        pages.MapGet("/forgot/done", () => new RazorComponentResult<MessagePage>(new
        {
            Title = "Check your email",
            Notice = "If there is an account with this address, we have sent it an email with a link.",
            LinkTo = "/login",
            LinkText = "Sign in",
        }));
        pages.MapGet("/reset", async Task<IResult> (string? token, ChoosePassword choose, CancellationToken ct) =>
            await choose.IsUsableAsync(token, "reset", ct) ? Form("reset", token!, null) : InvalidOrExpiredToken());
        pages.MapPost("/reset", ([FromForm] IFormCollection form, ChoosePassword choose, CancellationToken ct) => Choose("reset", form, choose, ct))
            .RequireRateLimiting(RateLimits.SignIn);
        pages.MapGet("/invite", ShowInvitation);
        pages.MapPost("/invite", Accept).RequireRateLimiting(RateLimits.SignIn);
    }

    static async Task<IResult> ShowInvitation(string? token, JoinTenant join, CancellationToken ct) => await join.FindAsync(token, ct) switch
    {
        null => InvalidOrExpiredToken(),
        { HasAccount: true } invitation => new RazorComponentResult<JoinPage>(new { Token = token, Invitation = invitation }),
        _ => Form("invite", token!, null),
    };

    static async Task<IResult> Accept([FromForm] IFormCollection form, JoinTenant join, ChoosePassword choose, CancellationToken ct)
    {
        var token = form["token"].ToString();
        if (await join.FindAsync(token, ct) is not { HasAccount: true })
        {
            return await Choose("invite", form, choose, ct);
        }

        // The sign-in comes first unless the person is signed in.
        return await join.RunAsync(token, ct) ? new SeeOther("/app/organizations") : InvalidOrExpiredToken();
    }

    /// <param name="purpose">Of the token; also the path segment.</param>
    static async Task<IResult> Choose(string purpose, IFormCollection form, ChoosePassword choose, CancellationToken ct) =>
        await choose.RunAsync(form["token"], purpose, form["password"], ct) switch
        {
            ChoosePasswordResult.Chosen => new SeeOther("/login?done=password"),
            ChoosePasswordResult.Invalid invalid => Form(purpose, form["token"].ToString(), invalid.Errors["password"]),
            ChoosePasswordResult.TrialUsed => VerifyPages.TrialUsed(),
            _ => InvalidOrExpiredToken(),
        };

    static async Task<IResult> Forgot([FromForm] IFormCollection form, RequestReset reset, CancellationToken ct)
    {
        var email = form["email"].ToString().Trim();
        if (EmailAddress.Validate(email) is { } problem)
        {
            return new RazorComponentResult<ForgotPage>(new { Email = email, Error = problem }) { StatusCode = StatusCodes.Status400BadRequest };
        }

        await reset.RunAsync(email, ct);
        return new SeeOther("/forgot/done");
    }

    static RazorComponentResult<ChoosePasswordPage> Form(string purpose, string token, string? error) =>
        new(new { Action = $"/{purpose}", Token = token, Error = error })
        {
            StatusCode = error is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
        };

    static RazorComponentResult<MessagePage> InvalidOrExpiredToken() => new(new
    {
        Title = "This link is no longer valid",
        Problem = "It has already been used or has expired. Request a new one.",
        LinkTo = "/forgot",
        LinkText = "Send a new link",
    })
    { StatusCode = StatusCodes.Status410Gone };
}
