using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>A person who signs up.</summary>
sealed record Person(string Email, string Slug)
{
    public const string DefaultPassword = "correct horse battery staple";

    public string Password { get; init; } = DefaultPassword;
    public string Plan { get; init; } = "trial";

    /// <summary>A person with a unique address and slug.</summary>
    public static Person New()
    {
        var slug = Names.Random("s");
        return new Person($"owner@{slug}.example", slug);
    }

    /// <summary>The fields of the form.</summary>
    public object Fields => new
    {
        email = Email,
        organization = $"Organization {Slug}",
        slug = Slug,
        plan = Plan,
        country = "DE",
        password = Password,
        accept_terms = true,
    };

    public Task<HttpResponseMessage> SendAsync(TestServer server) => server.Anonymous.PostAsJsonAsync("/v1/signup", Fields);

    /// <summary>Signs up and confirms the address with the token in the mail.</summary>
    /// <returns>The tenant's id.</returns>
    public async Task<Guid> CompleteAsync(TestServer server)
    {
        var tenant = (await (await SendAsync(server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        await VerifyAsync(server, (await MailsAsync(server)).Single().Link("/v1/verify"));
        return tenant;
    }

    public async Task<IReadOnlyList<ReceivedMail>> MailsAsync(TestServer server) => [.. (await server.MailsAsync()).Where(mail => mail.To.Contains(Email, StringComparison.Ordinal))];

    /// <summary>The link that contains <paramref name="part"/> in the last mail that has one.</summary>
    public async Task<Uri> LinkAsync(TestServer server, string part) =>
        (await MailsAsync(server)).Last(mail => mail.Body.Contains(part, StringComparison.Ordinal)).Link(part);

    public static async Task<JsonElement> VerifyAsync(TestServer server, Uri link)
    {
        return await (await server.Anonymous.PostAsJsonAsync("/v1/verify", new { token = TokenOf(link) })).ReadAsync();
    }

    /// <summary>The token in the link of a mail.</summary>
    public static string TokenOf(Uri link) => link.Query["?token=".Length..];

    /// <summary>A browser session in which this person is signed in.</summary>
    public async Task<HttpClient> SignInAsync(TestServer server, string? password = null)
    {
        var browser = server.NewVisitor();
        await browser.SubmitAsync("/login", "/login", ("email", Email), ("password", password ?? Password));
        return browser;
    }
}
