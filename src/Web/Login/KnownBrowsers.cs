using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace ControlPlane.Web.Login;

/// <summary>
/// Recognizes browsers by signed and encrypted cookies: those that have signed in to an account, whose attempts count apart from strangers', and the one
/// in which a signup was made, where the link in the mail needs no password.
/// </summary>
sealed class KnownBrowsers(IDataProtectionProvider protection, PortalCookies cookies, Clock clock)
{
    static readonly TimeSpan DeviceLifetime = TimeSpan.FromDays(365);
    /// <summary>As long as the link in the mail.</summary>
    static readonly TimeSpan SignupLifetime = TimeSpan.FromHours(48);

    readonly ITimeLimitedDataProtector _devices = protection.CreateProtector("known devices").ToTimeLimitedDataProtector();
    readonly ITimeLimitedDataProtector _signups = protection.CreateProtector("signups").ToTimeLimitedDataProtector();

    /// <param name="email">As entered.</param>
    public SignInOrigin OriginOf(HttpContext context, string email) =>
        Read(context, cookies.Device, _devices)?.Split(' ') is [var account, var device] && account == AccountOf(email)
            ? SignInOrigin.Device(device)
            : SignInOrigin.Network(RateLimits.Client(context.Connection.RemoteIpAddress));

    public void RememberDevice(HttpContext context, string email) =>
        Write(context, cookies.Device, _devices, $"{AccountOf(email)} {Credentials.New()}", DeviceLifetime);

    public bool SignedUpHere(HttpContext context, Guid tenant) => Read(context, cookies.Signup, _signups) == tenant.ToString();

    public void RememberSignup(HttpContext context, Guid tenant) => Write(context, cookies.Signup, _signups, tenant.ToString(), SignupLifetime);

    // A hash: the cookie does not grow with the address.
    static string AccountOf(string email) => Convert.ToHexStringLower(EmailAddress.KeyOf(EmailAddress.Normalize(email) ?? ""));

    static string? Read(HttpContext context, string name, ITimeLimitedDataProtector protector)
    {
        try
        {
            return context.Request.Cookies[name] is { Length: > 0 } value ? protector.Unprotect(value) : null;
        }
        catch (CryptographicException)
        {
            // Forged, expired, or of an installation with other keys.
            return null;
        }
    }

    void Write(HttpContext context, string name, ITimeLimitedDataProtector protector, string value, TimeSpan lifetime) =>
        context.Response.Cookies.Append(name, protector.Protect(value, lifetime), PortalCookies.Lax(clock.Wall + lifetime));
}
