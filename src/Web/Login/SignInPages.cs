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
        pages.MapPost("/login", SignInMember).RequireRateLimiting(RateLimits.SignIn);
        // Authenticated first: the antiforgery token of this form was issued to a signed-in member.
        pages.MapPost("/logout", SignOutMember).RequireAuthorization(Policies.Member);
        pages.MapGet("/admin/login", (string? @return) => new RazorComponentResult<OperatorLoginPage>(new { Return = @return }));
        pages.MapPost("/admin/login", SignInOperator).RequireRateLimiting(RateLimits.SignIn);
        pages.MapPost("/admin/logout", SignOutOperator).RequireAuthorization(Policies.OperatorPage);
    }

    static RazorComponentResult<LoginPage> Show(string? @return, string? done) => new(new
    {
        Return = @return,
        Notice = done switch
        {
            "password" => "Your password has been changed. Sign in with the new one.",
            "logout" => "You have signed out.",
            _ => null,
        },
    });

    static async Task<IResult> SignInMember(
        [FromForm] IFormCollection form, HttpContext context, SignIn signIn, SignInLimiter limiter, CancellationToken ct)
    {
        string email = form["email"].ToString(), returnTo = form["return"].ToString();
        using var lease = limiter.TryAcquire(email);
        if (!lease.IsAcquired)
        {
            return RateLimits.Reject(context, lease);
        }

        switch (await signIn.RunAsync(email, form["password"], ct))
        {
            case SignInResult.SignedIn session:
                context.SignInMember(session);
                return new SeeOther(ReturnPath.Of(returnTo, Members));
            case SignInResult.NotVerified:
                return ShowAgain(email, returnTo, "Your email address is not confirmed yet. We have sent you the link again: follow it, then sign in.");
            default:
                return ShowAgain(email, returnTo, "Incorrect email or password.");
        }
    }

    static RazorComponentResult<LoginPage> ShowAgain(string email, string returnTo, string problem) =>
        new(new { Email = email, Return = returnTo, Problem = problem }) { StatusCode = StatusCodes.Status400BadRequest };

    static async Task<SeeOther> SignOutMember([FromForm] IFormCollection form, HttpContext context, ClaimsPrincipal user, SignOut signOut, CancellationToken ct)
    {
        await signOut.RunAsync(user.TenantId(), context.Request.Cookies[Sessions.MemberCookie]!, ct);
        context.SignOutMember();
        return new SeeOther("/login?done=logout");
    }

    static async Task<IResult> SignInOperator([FromForm] IFormCollection form, HttpContext context, OperatorSessions sessions, CancellationToken ct)
    {
        if (await sessions.StartAsync(form["key"], ct) is not { } session)
        {
            return new RazorComponentResult<OperatorLoginPage>(new { Return = form["return"].ToString(), Problem = "Incorrect operator key." })
            {
                StatusCode = StatusCodes.Status400BadRequest,
            };
        }

        context.SignInOperator(session);
        return new SeeOther(ReturnPath.Of(form["return"], Operators));
    }

    static async Task<SeeOther> SignOutOperator([FromForm] IFormCollection form, HttpContext context, OperatorSessions sessions, CancellationToken ct)
    {
        await sessions.EndAsync(context.Request.Cookies[Sessions.OperatorCookie]!, ct);
        context.SignOutOperator();
        return new SeeOther("/admin/login");
    }
}
