using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.Tests.Aws;

/// <summary>A stand-in for a cluster's API server: serves <c>/version</c> to requests with a token.</summary>
sealed class ClusterApi : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly ConcurrentQueue<string> _authorizations = [];

    ClusterApi(WebApplication app) => _app = app;

    /// <summary>The Authorization headers received, in order.</summary>
    public IReadOnlyList<string> Authorizations => [.. _authorizations];

    public static async Task<ClusterApi> StartAsync(X509Certificate2 certificate, bool refuseFirst = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var api = new ClusterApi(builder.Build());
        api._app.MapGet("/version", (HttpRequest request) =>
        {
            var authorization = request.Headers.Authorization.ToString();
            api._authorizations.Enqueue(authorization);
            return authorization.StartsWith("Bearer k8s-aws-v1.", StringComparison.Ordinal) && !(refuseFirst && api._authorizations.Count == 1)
                ? Results.Json(new { major = "1", minor = "35", gitVersion = "v1.35.0-eks-stand-in" })
                : Results.Unauthorized();
        });
        await api._app.StartAsync();
        return api;
    }

    public Uri Url(string host) => new UriBuilder(_app.Urls.Single()) { Host = host }.Uri;

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
