namespace ControlPlane.Web.Shared;

/// <summary>Sets and clears the cookies that <see cref="Sessions"/> reads. HttpOnly, and Secure when the request came over HTTPS.</summary>
static class SessionCookies
{
    public static void SignInMember(this HttpContext context, SignInResult.SignedIn session) =>
        context.Response.Cookies.Append(Sessions.MemberCookie, session.Session, Member(context, session.ExpiresAt));

    public static void SignOutMember(this HttpContext context) =>
        context.Response.Cookies.Delete(Sessions.MemberCookie, Member(context, null));

    public static void SignInOperator(this HttpContext context, SignInResult.SignedIn session) =>
        context.Response.Cookies.Append(Sessions.OperatorCookie, session.Session, Operator(context, session.ExpiresAt));

    public static void SignOutOperator(this HttpContext context) =>
        context.Response.Cookies.Delete(Sessions.OperatorCookie, Operator(context, null));

    // Lax: links in mails open pages with the session.
    static CookieOptions Member(HttpContext context, DateTimeOffset? expires) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = context.Request.IsHttps, Path = "/", Expires = expires, IsEssential = true };

    static CookieOptions Operator(HttpContext context, DateTimeOffset? expires) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/admin", Expires = expires, IsEssential = true };
}
