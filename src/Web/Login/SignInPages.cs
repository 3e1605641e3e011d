using System.Security.Claims;
using FromFormAttribute = Microsoft.AspNetCore.Mvc.FromFormAttribute;

namespace ControlPlane.Web.Login;

/// <summary>Signing in and out, for members and for operators.</summary>
static class SignInPages
{
    const string Members = "/app";
    const string Operators = "/admin";

    public static void MapSignInPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/").ExcludeFromDescription();
        pages.MapGet("/login", Show);
        pages.MapPost("/login", SignInMember);
        // Authenticated first: the antiforgery token of this form was issued to a signed-in member.
        pages.MapPost("/logout", SignOutMember).RequireAuthorization(Policies.Member);
        pages.MapGet("/admin/login", (string? @return) => new RazorComponentResult<OperatorLoginPage>(new { Return = @return }));
        pages.MapPost("/admin/login", SignInOperator);
        pages.MapPost("/admin/logout", SignOutOperator).RequireAuthorization(Policies.OperatorPage).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
    }

    static RazorComponentResult<LoginPage> Show(string? @return, string? done) => new(new
    {
        Return = @return,
        Notice = done switch
        {
            "password" => "Your password has been changed. Sign in with the new one.",
            "verified" => "Your email address is confirmed and we are setting up your environment. Sign in to follow the progress.",
            "email" => "Your email address has been changed. Sign in with the new one.",
            "logout" => "You have signed out.",
            _ => null,
        },
    });

    static async Task<IResult> SignInMember(
        [FromForm] IFormCollection form, HttpContext context, SignIn signIn, KnownBrowsers browsers, SignInBudget budget, PortalCookies cookies,
        CancellationToken ct)
    {
        string email = form["email"].ToString(), returnTo = form["return"].ToString();
        var origin = browsers.OriginOf(context, email);
        if (budget.Reject(context, origin, email) is { } rejected)
        {
            return rejected;
        }

        switch (await signIn.RunAsync(email, form["password"], origin, ct))
        {
            case SignInResult.SignedIn session:
                cookies.SignInMember(context, session);
                browsers.RememberDevice(context, email);
                return new SeeOther(ReturnPath.Of(returnTo, Members));
            case SignInResult.NotVerified pending:
                browsers.RememberSignup(context, pending.Tenant);
                return ShowAgain(email, returnTo, "Your email address is not confirmed yet. We have sent you the link again: follow it, then sign in.");
            case SignInResult.Throttled throttled:
                return RateLimits.Reject(context, throttled.RetryAfter);
            default:
                return ShowAgain(email, returnTo, "Incorrect email or password.");
        }
    }

    static RazorComponentResult<LoginPage> ShowAgain(string email, string returnTo, string problem) =>
        new(new { Email = email, Return = returnTo, Problem = problem }) { StatusCode = StatusCodes.Status400BadRequest };

    static async Task<SeeOther> SignOutMember(
        [FromForm] IFormCollection form, HttpContext context, ClaimsPrincipal user, SignOut signOut, PortalCookies cookies, CancellationToken ct)
    {
        await signOut.RunAsync(user.TenantId(), context.Request.Cookies[cookies.Member]!, ct);
        cookies.SignOutMember(context);
        return new SeeOther("/login?done=logout");
    }

    static async Task<IResult> SignInOperator(
        [FromForm] IFormCollection form, HttpContext context, OperatorSessions sessions, OperatorGuesses guesses, SignInBudget budget, PortalCookies cookies,
        CancellationToken ct)
    {
        var network = RateLimits.Client(context.Connection.RemoteIpAddress);
        var key = form["key"].ToString();
        if (guesses.DelayOf(network, key) is { } delay)
        {
            return RateLimits.Reject(context, delay);
        }

        if (!guesses.IsKnown(key) && budget.RejectOperator(context) is { } rejected)
        {
            return rejected;
        }

        if (await sessions.StartAsync(key, ct) is not { } session)
        {
            guesses.Failed(network);
            return new RazorComponentResult<OperatorLoginPage>(new { Return = form["return"].ToString(), Problem = "Incorrect operator key." })
            {
                StatusCode = StatusCodes.Status400BadRequest,
            };
        }

        guesses.Succeeded(network, key);
        cookies.SignInOperator(context, session);
        return new SeeOther(ReturnPath.Of(form["return"], Operators));
    }

    static async Task<SeeOther> SignOutOperator(
        [FromForm] IFormCollection form, HttpContext context, OperatorSessions sessions, PortalCookies cookies, CancellationToken ct)
    {
        await sessions.EndAsync(context.Request.Cookies[cookies.Operator]!, ct);
        cookies.SignOutOperator(context);
        return new SeeOther("/admin/login");
    }
}
