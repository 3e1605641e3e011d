using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.EKS;
using Amazon.EKS.Model;

namespace ControlPlane.Aws;

/// <summary>An authenticated connection to the Kubernetes API of the platform's cluster, as the role that this process runs with.</summary>
public sealed class EksConnection(IAmazonEKS eks, EksToken token, string cluster) : IDisposable
{
    static readonly TimeSpan ConnectionTimeout = TimeSpan.FromSeconds(10);

    readonly SemaphoreSlim _opening = new(1);
    HttpClient? _client;

    /// <summary>
    /// Returns a shared client for the cluster's endpoint: it adds a token to each request and trusts only the cluster's own certificate
    /// authority. Do not dispose it.
    /// </summary>
    /// <exception cref="StepFailedException">The cluster does not exist, or has no endpoint yet.</exception>
    public async Task<HttpClient> OpenAsync(CancellationToken ct)
    {
        await _opening.WaitAsync(ct);
        try
        {
            return _client ??= CreateClient(await DescribeAsync(ct));
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
                : throw new StepFailedException($"The cluster {cluster} cannot be reached yet: its status is {found.Status}.");
        }
        catch (ResourceNotFoundException e)
        {
            throw new StepFailedException($"There is no EKS cluster {cluster} in this region: check CONTROLPLANE_CLUSTER.", e);
        }
    }

    HttpClient CreateClient(Cluster found)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(found.CertificateAuthority.Data)));
        return new HttpClient(new TokenHandler(token)
        {
            InnerHandler = new SocketsHttpHandler
            {
                // No validation callback: host name and dates are checked as usual.
                SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
                ConnectTimeout = ConnectionTimeout,
                // The endpoint's IP addresses change when AWS scales or repairs the control plane.
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                AllowAutoRedirect = false,
            },
        })
        { BaseAddress = new Uri(found.Endpoint) };
    }

    sealed class TokenHandler(EksToken token) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await token.GetAsync());
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode == HttpStatusCode.Unauthorized)
            {
                // The role's credentials can expire before the token does.
                token.Invalidate();
            }

            return response;
        }
    }
}
