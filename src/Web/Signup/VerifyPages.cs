namespace ControlPlane.Web.Signup;

/// <summary>Pages shown for the link in the verification mail.</summary>
static class VerifyPages
{
    public static IResult Show(VerifyResult result) => result switch
    {
        VerifyResult.Verified or VerifyResult.AlreadyVerified => new RazorComponentResult<MessagePage>(new
        {
            Title = "Your email address is confirmed",
            Notice = "We are setting up your environment. Sign in to follow the progress; we will also email you when it is ready.",
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
        VerifyResult.AddressTaken => new RazorComponentResult<MessagePage>(new
        {
            Title = "This email address already has an account",
            Problem = "It has been confirmed for another organization, and an email address can have only one account. Sign in there, or sign up with a different address.",
            LinkTo = "/login",
            LinkText = "Sign in",
        })
        { StatusCode = StatusCodes.Status409Conflict },
        _ => new RazorComponentResult<MessagePage>(new
        {
            Title = "This link is not valid",
            Problem = "Use the complete link from the email. Signups that are not confirmed are deleted after a week; if yours was, sign up again.",
            LinkTo = "/",
            LinkText = "Sign up",
        })
        { StatusCode = StatusCodes.Status404NotFound },
    };
}
