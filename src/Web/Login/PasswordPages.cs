using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Login;

/// <summary>Choosing a password through a link in a mail: a reset or an invitation.</summary>
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
        MapLink(pages, "reset");
        MapLink(pages, "invite");
    }

    /// <param name="purpose">Of the token; also the path segment.</param>
    static void MapLink(IEndpointRouteBuilder pages, string purpose)
    {
        pages.MapGet($"/{purpose}", async Task<IResult> (string? token, ChoosePassword choose, CancellationToken ct) =>
            await choose.IsUsableAsync(token, purpose, ct) ? Form(purpose, token!, null) : InvalidOrExpiredToken());
        pages.MapPost($"/{purpose}", async Task<IResult> ([FromForm] IFormCollection form, ChoosePassword choose, CancellationToken ct) =>
            await choose.RunAsync(form["token"], purpose, form["password"], ct) switch
            {
                ChoosePasswordResult.Chosen => new SeeOther("/login?done=password"),
                ChoosePasswordResult.Invalid invalid => Form(purpose, form["token"].ToString(), invalid.Errors["password"]),
                ChoosePasswordResult.AddressTaken => AddressTaken(),
                _ => InvalidOrExpiredToken(),
            }).RequireRateLimiting(RateLimits.SignIn);
    }

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

    static RazorComponentResult<MessagePage> AddressTaken() => new(new
    {
        Title = "This email address already has an account",
        Problem = "It belongs to another organization, and an email address can have only one account. Ask to be invited with a different address.",
        LinkTo = "/login",
        LinkText = "Sign in",
    })
    { StatusCode = StatusCodes.Status409Conflict };
}
