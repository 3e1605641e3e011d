using System.Net;
using System.Net.Http.Json;
using Azure.Core.Pipeline;
using Azure.Security.KeyVault.Secrets;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>The REST API of a key vault: an authentication challenge, paged lists, and single secrets.</summary>
sealed class Vault : HttpMessageHandler
{
    const string Address = "https://example.vault.azure.net";
    const int PageSize = 2;

    readonly SortedDictionary<string, (string Value, long Updated, bool Enabled)> _secrets = [];
    long _now = 1_800_000_000;

    /// <summary>Names of the secrets fetched, in order.</summary>
    public List<string> Fetched { get; } = [];

    public bool Refuses { get; set; }

    public VaultSettings Settings => new(new SecretClient(
        new Uri(Address), new Identity(), new SecretClientOptions { Transport = new HttpClientTransport(this), Retry = { MaxRetries = 0 } }));

    public void Set(string name, string value, bool enabled = true) => _secrets[name] = (value, ++_now, enabled);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(Respond(request));

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) => Respond(request);

    HttpResponseMessage Respond(HttpRequestMessage request)
    {
        if (request.Headers.Authorization is not { Scheme: "Bearer", Parameter: Identity.Token })
        {
            var challenge = new HttpResponseMessage(HttpStatusCode.Unauthorized);
            challenge.Headers.Add("WWW-Authenticate", "Bearer authorization=\"https://login.microsoftonline.com/tenant\", resource=\"https://vault.azure.net\"");
            return challenge;
        }

        if (Refuses)
        {
            return Json(HttpStatusCode.Forbidden, new { error = new { code = "Forbidden", message = "The caller is not authorized." } });
        }

        return request.RequestUri!.Segments is ["/", "secrets"] ? List(request.RequestUri.Query) : Get(request.RequestUri.Segments[2].Trim('/'));
    }

    HttpResponseMessage List(string query)
    {
        var skip = query.Contains("$skiptoken=", StringComparison.Ordinal) ? int.Parse(query.Split("$skiptoken=")[1].Split('&')[0], null) : 0;
        return Json(HttpStatusCode.OK, new
        {
            value = _secrets.Skip(skip).Take(PageSize).Select(secret => new { id = $"{Address}/secrets/{secret.Key}", attributes = Attributes(secret.Key) }),
            nextLink = skip + PageSize < _secrets.Count ? $"{Address}/secrets?api-version=7.6&$skiptoken={skip + PageSize}" : null,
        });
    }

    HttpResponseMessage Get(string name)
    {
        Fetched.Add(name);
        return Json(HttpStatusCode.OK, new { value = _secrets[name].Value, id = $"{Address}/secrets/{name}/{_secrets[name].Updated}", attributes = Attributes(name) });
    }

    object Attributes(string name) => new { enabled = _secrets[name].Enabled, created = _secrets[name].Updated, updated = _secrets[name].Updated };

    static HttpResponseMessage Json(HttpStatusCode status, object body) => new(status) { Content = JsonContent.Create(body) };
}
