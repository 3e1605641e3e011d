using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Demo;

/// <summary>A tenant that has signed up, with the credentials for its gateway.</summary>
/// <param name="Key">Tenant key, sent as Bearer token.</param>
/// <param name="WebhookSecret">Key that signs usage.</param>
public sealed record DemoAccount(DemoTenant Tenant, Guid Id, string Key, byte[] WebhookSecret);

/// <summary>Signs up as a customer does: form, link in the email, sign-in, keys page.</summary>
sealed partial class NewCustomer(Uri portal, MailFolder mail)
{
    /// <summary>Shared by all members of the demo. It protects nothing: the demo has its own data folder.</summary>
    public const string Password = "this is only a demo";

    public async Task<DemoAccount> SignUpAsync(DemoTenant tenant, CancellationToken ct)
    {
        using var browser = new Browser(portal);
        await browser.SubmitAsync("/", "/signup", new Dictionary<string, string>
        {
            ["plan"] = tenant.Plan,
            ["organization"] = tenant.Organization,
            ["slug"] = tenant.Slug,
            ["country"] = tenant.Country,
            ["vat_id"] = "",
            ["email"] = tenant.Email,
            ["password"] = Password,
            ["accept_terms"] = "true",
        }, ct);
        await browser.SubmitAsync(await mail.LinkAsync(tenant.Email, "/v1/verify", ct), "/v1/verify", [], ct);
        await browser.SubmitAsync("/login", "/login", new Dictionary<string, string> { ["email"] = tenant.Email, ["password"] = Password }, ct);

        var key = await browser.SubmitAsync("/app/keys", "/app/keys", new Dictionary<string, string> { ["name"] = "usage reporter", ["scopes"] = "admin" }, ct);
        var secret = await browser.SubmitAsync("/app/keys", "/app/webhook-secret/rotate", [], ct);
        return new DemoAccount(
            tenant, Guid.Parse(Find(TenantId(), key)), Find(TenantKey(), key), Convert.FromBase64String(Find(WebhookSecret(), secret)));
    }

    static string Find(Regex pattern, string html) =>
        pattern.Match(WebUtility.HtmlDecode(html)) is { Success: true } found ? found.Groups[1].Value : throw new CommandFailedException($"/app/keys shows no match for {pattern}.");

    [GeneratedRegex("X-Tenant-Id: ([0-9a-f-]{36})")]
    private static partial Regex TenantId();

    [GeneratedRegex("(cpt_[A-Za-z0-9_-]{43})")]
    private static partial Regex TenantKey();

    [GeneratedRegex("whsec_([A-Za-z0-9/=+]+)")]
    private static partial Regex WebhookSecret();
}
