using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Signup;

/// <summary>
/// The link in the verification mail. Opening it shows a page and changes nothing, because mail scanners open links, too; its buttons confirm the signup or
/// delete it.
/// </summary>
/// <remarks>
/// In the browser that signed up the button is enough. Elsewhere the page asks for the password chosen at signup: a stranger who signed up with this
/// address would otherwise get an account for it as soon as its owner clicks.
/// </remarks>
static class VerifyPages
{
    public static void MapVerifyPages(this IEndpointRouteBuilder routes)
    {
        var signup = routes.MapGroup("/v1/verify").WithTags("Signup").LimitLinks();
        signup.MapGet("", Show)
            .WithName("verifyEmail").WithSummary("Show the page that confirms an email address")
            .WithDescription("The target of the link in the verification mail. Changes nothing: the page's button sends POST /v1/verify.");
        // After the JSON endpoint, which answers requests without a content type.
        signup.MapPost("", Confirm).WithOrder(1).ExcludeFromDescription();
        var decline = routes.MapGroup("/signup").ExcludeFromDescription();
        decline.MapPost("/decline", Decline).LimitLinks();
        decline.MapGet("/declined", () => new RazorComponentResult<MessagePage>(new
        {
            Title = "The signup is deleted",
            Notice = "Nothing was set up with your email address. There is nothing else to do.",
        }));
    }

    static async Task<IResult> Show(string? token, HttpContext context, KnownBrowsers browsers, VerifyAddress verifyAddress, CancellationToken ct) =>
        await verifyAddress.FindAsync(token, ct) switch
        {
            VerifyResult.Ready ready => Form(token, ready.Signup, browsers.SignedUpHere(context, ready.Signup.Tenant), error: null),
            var result => Describe(result),
        };

    static async Task<IResult> Confirm(
        [FromForm] IFormCollection form, HttpContext context, KnownBrowsers browsers, VerifyAddress verifyAddress, CancellationToken ct)
    {
        var token = form["token"].ToString();
        var found = await verifyAddress.FindAsync(token, ct);
        if (found is not VerifyResult.Ready ready)
        {
            return Describe(found);
        }

        var result = browsers.SignedUpHere(context, ready.Signup.Tenant)
            ? await verifyAddress.RunAsync(token, ct)
            : await verifyAddress.RunAsync(token, form["password"], RateLimits.OriginOf(context), ct);
        return result is VerifyResult.WrongPassword ? Form(token, ready.Signup, signedUpHere: false, "Incorrect password.") : Describe(result);
    }

    static async Task<IResult> Decline([FromForm] IFormCollection form, DeclineSignup decline, VerifyAddress verifyAddress, CancellationToken ct)
    {
        var token = form["token"].ToString();
        return await decline.RunAsync(token, ct) ? new SeeOther("/signup/declined") : Describe(await verifyAddress.FindAsync(token, ct));
    }

    static RazorComponentResult<VerifyPage> Form(string? token, PendingSignup signup, bool signedUpHere, string? error) =>
        new(new { Token = token, Signup = signup, AskPassword = !signedUpHere, Error = error })
        {
            StatusCode = error is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
        };

    static IResult Describe(VerifyResult result) => result switch
    {
        VerifyResult.Verified => new SeeOther("/login?done=verified"),
        VerifyResult.AlreadyVerified => new RazorComponentResult<MessagePage>(new
        {
            Title = "Your email address is confirmed",
            Notice = "This link has been used. Sign in to see your environment.",
            LinkTo = "/login",
            LinkText = "Sign in",
        }),
        VerifyResult.Expired => new RazorComponentResult<MessagePage>(new
        {
            Title = "This link has expired",
            Problem = "It was valid for 48 hours. Sign in with your email and password and we will send you a new one.",
            LinkTo = "/login",
            LinkText = "Sign in",
        })
        { StatusCode = StatusCodes.Status410Gone },
        VerifyResult.TrialUsed => TrialUsed(),
        _ => new RazorComponentResult<MessagePage>(new
        {
            Title = "This link is not valid",
            Problem = "Use the complete link from the email. Signups that are not confirmed are deleted after a week; if yours was, sign up again.",
            LinkTo = "/",
            LinkText = "Sign up",
        })
        { StatusCode = StatusCodes.Status404NotFound },
    };

    internal static IResult TrialUsed() => new RazorComponentResult<MessagePage>(new
    {
        Title = "You have had a trial before",
        Problem = "Each person can have one; addresses that differ only in a tag such as +work count as one. Sign up again with the same data and a paid plan.",
        LinkTo = "/",
        LinkText = "Sign up",
    })
    { StatusCode = StatusCodes.Status409Conflict };
}
