using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Login;

/// <summary>The links in the mails for a reset and an invitation. Opening one shows a page and changes nothing; its button acts.</summary>
static class PasswordPages
{
    public static void MapPasswordPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/").ExcludeFromDescription();
        pages.MapGet("/forgot", () => new RazorComponentResult<ForgotPage>());
        pages.MapPost("/forgot", Forgot);
        pages.MapGet("/forgot/done", () => new RazorComponentResult<MessagePage>(new
        {
            Title = "Check your email",
            Notice = "If there is an account with this address, we have sent it an email with a link.",
            LinkTo = "/login",
            LinkText = "Sign in",
        }));
        pages.MapGet("/reset", async Task<IResult> (string? token, ChoosePassword choose, CancellationToken ct) =>
            await choose.IsUsableAsync(token, "reset", ct) ? await FormAsync("reset", token!, [], choose, ct) : InvalidOrExpiredToken());
        pages.MapPost("/reset", ([FromForm] IFormCollection form, HttpContext context, ChoosePassword choose, KnownBrowsers browsers, CancellationToken ct) =>
            Choose("reset", form, context, choose, browsers, ct)).LimitLinks();
        pages.MapGet("/invite", ShowInvitation);
        pages.MapPost("/invite", Accept).LimitLinks();
    }

    static async Task<IResult> ShowInvitation(string? token, JoinTenant join, ChoosePassword choose, CancellationToken ct) => await join.FindAsync(token, ct) switch
    {
        null => InvalidOrExpiredToken(),
        { HasAccount: true } invitation => new RazorComponentResult<JoinPage>(new { Token = token, Invitation = invitation }),
        _ => await FormAsync("invite", token!, [], choose, ct),
    };

    static async Task<IResult> Accept(
        [FromForm] IFormCollection form, HttpContext context, JoinTenant join, ChoosePassword choose, KnownBrowsers browsers, CancellationToken ct)
    {
        var token = form["token"].ToString();
        if (await join.FindAsync(token, ct) is not { HasAccount: true })
        {
            return await Choose("invite", form, context, choose, browsers, ct);
        }

        // The sign-in comes first unless the person is signed in.
        return await join.RunAsync(token, ct) ? new SeeOther("/app/organizations") : InvalidOrExpiredToken();
    }

    /// <param name="purpose">Of the token; also the path segment.</param>
    static async Task<IResult> Choose(
        string purpose, IFormCollection form, HttpContext context, ChoosePassword choose, KnownBrowsers browsers, CancellationToken ct)
    {
        var token = form["token"].ToString();
        switch (await choose.RunAsync(token, purpose, form["password"], isRequested: form["requested"] == "true", RateLimits.OriginOf(context), ct))
        {
            case ChoosePasswordResult.Chosen chosen:
                // The link proved that this browser is the owner's: it signs in even while strangers guess at the password.
                browsers.RememberDevice(context, chosen.Email);
                return new SeeOther("/login?done=password");
            case ChoosePasswordResult.Invalid invalid:
                return await FormAsync(purpose, token, invalid.Errors, choose, ct);
            case ChoosePasswordResult.NotRequested:
                return await FormAsync(
                    purpose, token, new FieldErrors { ["requested"] = "Confirm that you signed up. If you did not, delete the signup." }, choose, ct);
            case ChoosePasswordResult.TrialUsed:
                return VerifyPages.TrialUsed();
            default:
                return InvalidOrExpiredToken();
        }
    }

    static async Task<IResult> Forgot(
        [FromForm] IFormCollection form, HttpContext context, RequestReset reset, KnownBrowsers browsers, SignInBudget budget, CancellationToken ct)
    {
        var email = form["email"].ToString().Trim();
        var origin = browsers.OriginOf(context, email);
        if (budget.Reject(context, origin, email) is { } rejected)
        {
            return rejected;
        }

        if (EmailAddress.Validate(email) is { } problem)
        {
            return new RazorComponentResult<ForgotPage>(new { Email = email, Error = problem }) { StatusCode = StatusCodes.Status400BadRequest };
        }

        await reset.RunAsync(email, origin, ct, browsers.LastSignup(context));
        return new SeeOther("/forgot/done");
    }

    static async Task<RazorComponentResult<ChoosePasswordPage>> FormAsync(
        string purpose, string token, FieldErrors errors, ChoosePassword choose, CancellationToken ct) =>
        new(new { Action = $"/{purpose}", Token = token, Signup = await choose.FindSignupAsync(token, ct), Errors = errors })
        {
            StatusCode = errors.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
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
