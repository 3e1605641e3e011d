using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace ControlPlane.Web.Login;

/// <summary>
/// Recognizes browsers by signed and encrypted cookies: those that have signed in to an account, whose attempts count apart from strangers', and the one
/// in which a signup was made, where the link in the mail needs no password.
/// </summary>
sealed class KnownBrowsers(IDataProtectionProvider protection, PortalCookies cookies, Clock clock)
{
    /// <summary>People may share a browser, or have several accounts.</summary>
    const int MaxAccounts = 5;

    static readonly TimeSpan DeviceLifetime = TimeSpan.FromDays(365);
    /// <summary>As long as the link in the mail.</summary>
    static readonly TimeSpan SignupLifetime = TimeSpan.FromHours(48);

    readonly ITimeLimitedDataProtector _devices = protection.CreateProtector("known devices").ToTimeLimitedDataProtector();
    readonly ITimeLimitedDataProtector _signups = protection.CreateProtector("signups").ToTimeLimitedDataProtector();

    /// <param name="email">As entered.</param>
    public RequestOrigin OriginOf(HttpContext context, string email) =>
        ReadDevices(context).FirstOrDefault(device => device.Account == AccountOf(email)) is { } known
            ? RequestOrigin.Device(known.Id, RateLimits.Client(context.Connection.RemoteIpAddress))
            : RateLimits.OriginOf(context);

    /// <summary>The browser keeps its id: an account has one count per browser, however often it signs in there.</summary>
    public void RememberDevice(HttpContext context, string email)
    {
        var devices = ReadDevices(context);
        var device = devices.FirstOrDefault(device => device.Account == AccountOf(email)) ?? new KnownDevice(AccountOf(email), Credentials.New());
        var all = devices.Where(other => other.Account != device.Account).Prepend(device).Take(MaxAccounts);
        Write(context, cookies.Device, _devices, string.Join(' ', all.Select(known => $"{known.Account} {known.Id}")), DeviceLifetime);
    }

    public bool SignedUpHere(HttpContext context, Guid tenant) => LastSignup(context) == tenant;

    /// <returns>The tenant of the last signup here; null when there was none within the lifetime of its link.</returns>
    public Guid? LastSignup(HttpContext context) => Guid.TryParse(Read(context, cookies.Signup, _signups), out var tenant) ? tenant : null;

    public void RememberSignup(HttpContext context, Guid tenant) => Write(context, cookies.Signup, _signups, tenant.ToString(), SignupLifetime);

    /// <summary>A hash: the cookie does not grow with the address.</summary>
    public static string AccountOf(string email) => Convert.ToHexStringLower(EmailAddress.KeyOf(EmailAddress.Normalize(email) ?? ""));

    /// <returns>The last one that signed in first.</returns>
    List<KnownDevice> ReadDevices(HttpContext context) =>
        [.. (Read(context, cookies.Device, _devices) ?? "").Split(' ').Chunk(2).Where(pair => pair.Length == 2).Select(pair => new KnownDevice(pair[0], pair[1]))];

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

    sealed record KnownDevice(string Account, string Id);
}
