using Amazon;
using Amazon.Runtime;
using Npgsql;

namespace ControlPlane.Aws;

/// <summary>
/// The password of a database user that signs in to RDS or RDS Proxy with IAM: a presigned URL of the action <c>rds-db:connect</c>
/// (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html), for one host, port and user. It is checked only when a
/// connection is opened, and valid for 15 minutes.
/// </summary>
/// <remarks>Not cached: signing takes microseconds and no network call, and connections are opened rarely.</remarks>
public sealed class RdsToken(AWSCredentials credentials, RegionEndpoint region, TimeProvider clock)
{
    static readonly TimeSpan ValidFor = TimeSpan.FromMinutes(15);

    readonly SigV4 _signer = new(region.SystemName, "rds-db");

    /// <summary>A <see cref="PasswordProvider"/>.</summary>
    public async ValueTask<string> CreateAsync(NpgsqlConnectionStringBuilder login, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var action = new Uri($"https://{login.Host}:{login.Port}/?Action=connect&DBUser={Uri.EscapeDataString(login.Username!)}");
        var url = _signer.Presign(action, new Dictionary<string, string>(), ValidFor, await credentials.GetCredentialsAsync(), clock.GetUtcNow());
        return url["https://".Length..];
    }
}
