using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>Cookies that only the portal's own host can set, and forms that only its own pages can send.</summary>
public sealed partial class CookieJourneys
{
    [Fact]
    public async Task Behind_an_https_address_browsers_accept_cookies_from_the_portals_host_only()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_PUBLIC_URL", "https://portal.example.com")]);
        var person = Person.New();
        await person.CompleteAsync(server);
        var form = await OpenAsync(server, "/login");
        var signedIn = await PostAsync(server, "/login", form.Cookie, ("__RequestVerificationToken", form.Token), ("email", person.Email), ("password", person.Password));
        var admin = await OpenAsync(server, "/admin/login");
        var operatorSignedIn = await PostAsync(server, "/admin/login", admin.Cookie, ("__RequestVerificationToken", admin.Token), ("key", server.OperatorKey));

        string[] cookies = [form.Header, .. Cookies(signedIn), .. Cookies(operatorSignedIn)];
        Assert.Equal(
            ["__Host-antiforgery", "__Host-device", "__Host-operator_session", "__Host-session"],
            cookies.Select(cookie => cookie.Split('=')[0]).Order(StringComparer.Ordinal));
        foreach (var cookie in cookies)
        {
            Assert.Matches("(?i); secure(;|$)", cookie);
            Assert.Matches("(?i); httponly(;|$)", cookie);
            Assert.Matches("(?i); path=/(;|$)", cookie);
            Assert.Matches("(?i); samesite=(lax|strict)(;|$)", cookie);
            Assert.DoesNotMatch("(?i); domain=", cookie);
        }

        // A tenant's environment on a subdomain can set cookies for the portal, but none of these names.
        var session = Cookies(signedIn).Single(cookie => cookie.Contains("session", StringComparison.Ordinal)).Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "/app/keys", session)).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await GetAsync(server, "/app/keys", session["__Host-".Length..])).StatusCode);
        var planted = await PostAsync(
            server, "/login", form.Cookie["__Host-".Length..], ("__RequestVerificationToken", form.Token), ("email", person.Email), ("password", person.Password));
        Assert.Equal(HttpStatusCode.BadRequest, planted.StatusCode);
    }

    [Fact]
    public async Task On_http_cookies_have_plain_names_that_browsers_accept()
    {
        await using var server = await TestServer.StartAsync();
        var form = await OpenAsync(server, "/login");
        Assert.StartsWith("antiforgery=", form.Header, StringComparison.Ordinal);
        Assert.DoesNotContain("secure", form.Header, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Another_site_cannot_sign_a_visitor_in()
    {
        await using var server = await TestServer.StartAsync();
        var person = Person.New();
        await person.CompleteAsync(server);
        var (own, foreign) = (await OpenAsync(server, "/login"), await OpenAsync(server, "/login"));
        (string, string)[] credentials = [("email", person.Email), ("password", person.Password)];
        foreach (var (cookie, token) in new[] { ("", ""), (own.Cookie, ""), ("", own.Token), (own.Cookie, foreign.Token) })
        {
            var reply = await PostAsync(server, "/login", cookie, [("__RequestVerificationToken", token), .. credentials]);
            Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
            Assert.DoesNotContain(Cookies(reply), set => set.StartsWith("session=", StringComparison.Ordinal));
        }
    }

    static async Task<OpenedForm> OpenAsync(TestServer server, string page)
    {
        var reply = await GetAsync(server, page, cookie: "");
        var header = Assert.Single(Cookies(reply));
        return new OpenedForm(header, header.Split(';')[0], WebUtility.HtmlDecode(AntiforgeryField().Match(await reply.Content.ReadAsStringAsync()).Groups[1].Value));
    }

    static Task<HttpResponseMessage> GetAsync(TestServer server, string page, string cookie) =>
        SendAsync(server, new HttpRequestMessage(HttpMethod.Get, page), cookie);

    static Task<HttpResponseMessage> PostAsync(TestServer server, string page, string cookie, params IEnumerable<(string Name, string Value)> fields)
    {
        var content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return SendAsync(server, new HttpRequestMessage(HttpMethod.Post, page) { Content = content }, cookie);
    }

    static Task<HttpResponseMessage> SendAsync(TestServer server, HttpRequestMessage request, string cookie)
    {
        if (cookie.Length > 0)
        {
            request.Headers.Add("Cookie", cookie);
        }

        return server.Anonymous.SendAsync(request);
    }

    static IReadOnlyList<string> Cookies(HttpResponseMessage reply) => reply.Headers.TryGetValues("Set-Cookie", out var cookies) ? [.. cookies] : [];

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex AntiforgeryField();

    sealed record OpenedForm(string Header, string Cookie, string Token);
}
