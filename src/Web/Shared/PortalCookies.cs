namespace ControlPlane.Web.Shared;

/// <summary>
/// Names of the cookies, and setting and clearing those of sessions. Behind an https address the names begin with <c>__Host-</c>: browsers then accept
/// them from this host only, so a tenant's environment on a subdomain cannot set them. All are HttpOnly; the cookie policy adds Secure.
/// </summary>
public sealed class PortalCookies(ControlPlaneOptions options)
{
    readonly string _prefix = IsHttps(options) ? "__Host-" : "";

    public string Member => _prefix + "session";

    public string Operator => _prefix + "operator_session";

    public string Antiforgery => _prefix + "antiforgery";

    /// <summary>Marks a browser that has signed in to an account.</summary>
    public string Device => _prefix + "device";

    /// <summary>Marks the browser in which a signup was made.</summary>
    public string Signup => _prefix + "signup";

    /// <summary>Whether browsers reach the portal over https only.</summary>
    public static bool IsHttps(ControlPlaneOptions options) => options.PublicUrl.Scheme == Uri.UriSchemeHttps;

    public void SignInMember(HttpContext context, SignInResult.SignedIn session) =>
        context.Response.Cookies.Append(Member, session.Session, Lax(session.ExpiresAt));

    public void SignOutMember(HttpContext context) => context.Response.Cookies.Delete(Member, Lax(null));

    public void SignInOperator(HttpContext context, SignInResult.SignedIn session) =>
        context.Response.Cookies.Append(Operator, session.Session, Strict(session.ExpiresAt));

    public void SignOutOperator(HttpContext context) => context.Response.Cookies.Delete(Operator, Strict(null));

    /// <summary>Lax: links in mails open pages with the cookie.</summary>
    internal static CookieOptions Lax(DateTimeOffset? expires) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Path = "/", Expires = expires, IsEssential = true };

    static CookieOptions Strict(DateTimeOffset? expires) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", Expires = expires, IsEssential = true };
}
