using System.Buffers.Text;
using System.Text;
using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Aws;

/// <summary>
/// The bearer token of an EKS cluster: a presigned STS GetCallerIdentity request. The cluster sends it to STS and so learns the caller's role
/// (https://github.com/kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster").
/// </summary>
public sealed class EksToken(AWSCredentials credentials, RegionEndpoint region, string cluster, TimeProvider clock)
{
    /// <summary>Clusters accept a token for 15 minutes; one minute is left for clock skew.</summary>
    static readonly TimeSpan CacheDuration = TimeSpan.FromMinutes(14);

    // The expiry in the URL itself; clusters reject other values.
    static readonly TimeSpan UrlExpiry = TimeSpan.FromSeconds(60);

    readonly SigV4 _signer = new(region.SystemName, "sts");
    volatile Cached? _cached;

    public async Task<string> GetAsync()
    {
        var now = clock.GetUtcNow();
        if (_cached is { } cached && now < cached.Until)
        {
            return cached.Token;
        }

        // The regional endpoint: the global one depends on us-east-1.
        var call = new Uri($"https://sts.{region.SystemName}.{region.PartitionDnsSuffix}/?Action=GetCallerIdentity&Version=2011-06-15");
        var url = _signer.Presign(call, new Dictionary<string, string> { ["x-k8s-aws-id"] = cluster }, UrlExpiry, await credentials.GetCredentialsAsync(), now);
        var token = $"k8s-aws-v1.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(url))}";
        _cached = new Cached(token, now + CacheDuration);
        return token;
    }

    /// <summary>Drops the cached token after the cluster has rejected it.</summary>
    public void Invalidate() => _cached = null;

    sealed record Cached(string Token, DateTimeOffset Until);
}
