using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.EKS;
using Amazon.EKS.Model;

namespace ControlPlane.Aws;

/// <summary>The way to the Kubernetes API of the platform's cluster, as the role that this program runs as.</summary>
public sealed class EksConnection(IAmazonEKS eks, EksToken token, string cluster) : IDisposable
{
    static readonly TimeSpan s_longestConnect = TimeSpan.FromSeconds(10);

    readonly SemaphoreSlim _opening = new(1);
    HttpClient? _client;

    /// <summary>
    /// A client whose base address is the cluster's endpoint, whose calls carry a token, and which trusts certificates of the cluster's own
    /// authority only. Ours: do not dispose it.
    /// </summary>
    /// <exception cref="StepFailedException">There is no such cluster, or it has no endpoint yet.</exception>
    public async Task<HttpClient> OpenAsync(CancellationToken ct)
    {
        await _opening.WaitAsync(ct);
        try
        {
            return _client ??= Client(await DescribeAsync(ct));
        }
        finally
        {
            _opening.Release();
        }
    }

    public void Dispose()
    {
        _client?.Dispose();
        _opening.Dispose();
    }

    async Task<Cluster> DescribeAsync(CancellationToken ct)
    {
        try
        {
            var found = (await eks.DescribeClusterAsync(new DescribeClusterRequest { Name = cluster }, ct)).Cluster;
            return found is { Endpoint.Length: > 0, CertificateAuthority.Data.Length: > 0 }
                ? found
                : throw new StepFailedException($"The cluster {cluster} cannot be reached yet: it is {found.Status}.");
        }
        catch (ResourceNotFoundException e)
        {
            throw new StepFailedException($"There is no EKS cluster {cluster} in this region: is CONTROLPLANE_CLUSTER right?", e);
        }
    }

    HttpClient Client(Cluster found)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPem(System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(found.CertificateAuthority.Data)));
        return new HttpClient(new Authenticated(token)
        {
            InnerHandler = new SocketsHttpHandler
            {
                // Without a callback: names and dates are checked as for any server.
                SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust },
                ConnectTimeout = s_longestConnect,
                // The endpoint's addresses change when AWS scales or mends the control plane.
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                AllowAutoRedirect = false,
            },
        })
        { BaseAddress = new Uri(found.Endpoint) };
    }

    sealed class Authenticated(EksToken token) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await token.GetAsync());
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode == HttpStatusCode.Unauthorized)
            {
                // The role's credentials may have ended before the token did.
                token.Forget();
            }

            return response;
        }
    }
}
