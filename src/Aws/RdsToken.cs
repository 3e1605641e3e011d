using Amazon;
using Amazon.Runtime;
using Npgsql;

namespace ControlPlane.Aws;

/// <summary>
/// What RDS, and RDS Proxy, take as password of a database user that signs in with IAM: a signed address of the action <c>rds-db:connect</c>
/// (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html). It is made for one host, port and user, lets a connection
/// in for 15 minutes, and has no say over one that is open.
/// </summary>
/// <remarks>Nothing is kept: signing takes microseconds and no call, and a connection is opened rarely.</remarks>
public sealed class RdsToken(AWSCredentials credentials, RegionEndpoint region, TimeProvider clock)
{
    static readonly TimeSpan s_validFor = TimeSpan.FromMinutes(15);

    readonly SigV4 _signer = new(region.SystemName, "rds-db");

    /// <summary>A <see cref="PasswordProvider"/>.</summary>
    public async ValueTask<string> MakeAsync(NpgsqlConnectionStringBuilder login, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var action = new Uri($"https://{login.Host}:{login.Port}/?Action=connect&DBUser={Uri.EscapeDataString(login.Username!)}");
        var url = _signer.Presign(action, new Dictionary<string, string>(), s_validFor, await credentials.GetCredentialsAsync(), clock.GetUtcNow());
        return url["https://".Length..];
    }
}
