using System.Net;

namespace ControlPlane.Tests.Support;

/// <summary>Visitors in different networks, of a server that reads the client's address from a proxy's header.</summary>
static class Networks
{
    public static readonly KeyValuePair<string, string?> BehindProxy = new("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true");

    /// <summary>A browser whose address a proxy reports.</summary>
    public static HttpClient VisitorFrom(this TestServer server, string network)
    {
        var client = server.NewVisitor();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", network);
        return client;
    }

    public static async Task<HttpStatusCode> TrySignInAsync(this HttpClient browser, string email, string password) =>
        (await browser.SubmitAsync("/login", "/login", ("email", email), ("password", password))).StatusCode;

    public static async Task<HttpStatusCode> ForgetAsync(this HttpClient browser, string email) =>
        (await browser.SubmitAsync("/forgot", "/forgot", ("email", email))).StatusCode;
}
