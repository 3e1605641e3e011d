namespace ControlPlane.Web.Signup;

/// <summary>What following the link of the verification mail shows in a browser.</summary>
static class VerifyPages
{
    public static IResult Show(VerifyResult result) => result switch
    {
        VerifyResult.Verified or VerifyResult.AlreadyVerified => new RazorComponentResult<MessagePage>(new
        {
            Title = "Your address is confirmed",
            Notice = "Your environment is being set up. Sign in to watch it come up; a mail tells you when it is ready.",
            LinkTo = "/login",
            LinkText = "Sign in",
        }),
        VerifyResult.Expired => new RazorComponentResult<MessagePage>(new
        {
            Title = "This link has expired",
            Problem = "It was valid for 48 hours. Sign in with your address and password, and a new one is sent to you.",
            LinkTo = "/login",
            LinkText = "Sign in",
        })
        { StatusCode = StatusCodes.Status410Gone },
        VerifyResult.AddressTaken => new RazorComponentResult<MessagePage>(new
        {
            Title = "This address has an account",
            Problem = "It was confirmed for another organization meanwhile, and an address can have only one. Sign in there, or sign up with another address.",
            LinkTo = "/login",
            LinkText = "Sign in",
        })
        { StatusCode = StatusCodes.Status409Conflict },
        _ => new RazorComponentResult<MessagePage>(new
        {
            Title = "This link is not known",
            Problem = "Use the whole link from the mail. A signup that nobody confirms is deleted after a week: then sign up again.",
            LinkTo = "/",
            LinkText = "Sign up",
        })
        { StatusCode = StatusCodes.Status404NotFound },
    };
}
