using System.Buffers.Text;
using System.Text;
using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Aws;

/// <summary>
/// What an EKS cluster takes as bearer token: a call of STS GetCallerIdentity that is signed but not made. The cluster makes it, and so learns
/// which role it is talking to (https://github.com/kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster").
/// </summary>
public sealed class EksToken(AWSCredentials credentials, RegionEndpoint region, string cluster, TimeProvider clock)
{
    /// <summary>A cluster takes a token for 15 minutes; the last one is left for clocks that differ.</summary>
    static readonly TimeSpan s_kept = TimeSpan.FromMinutes(14);

    // What is said in the signed address itself; clusters refuse other values.
    static readonly TimeSpan s_validFor = TimeSpan.FromSeconds(60);

    readonly SigV4 _signer = new(region.SystemName, "sts");
    volatile Kept? _kept;

    public async Task<string> GetAsync()
    {
        var now = clock.GetUtcNow();
        if (_kept is { } kept && now < kept.Until)
        {
            return kept.Token;
        }

        // The regional host: a call to the global one would fail when us-east-1 does.
        var call = new Uri($"https://sts.{region.SystemName}.{region.PartitionDnsSuffix}/?Action=GetCallerIdentity&Version=2011-06-15");
        var url = _signer.Presign(call, new Dictionary<string, string> { ["x-k8s-aws-id"] = cluster }, s_validFor, await credentials.GetCredentialsAsync(), now);
        var token = $"k8s-aws-v1.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(url))}";
        _kept = new Kept(token, now + s_kept);
        return token;
    }

    /// <summary>Has the next token made anew: the cluster refused this one.</summary>
    public void Forget() => _kept = null;

    sealed record Kept(string Token, DateTimeOffset Until);
}
