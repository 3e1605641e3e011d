using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Amazon;
using Amazon.EKS;
using Amazon.EKS.Model;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.Runtime.Internal.Util;
using Npgsql;

namespace ControlPlane.Tests.Aws;

/// <summary>IAM tokens for RDS, and the root certificates to verify it.</summary>
public class RdsTests
{
    const string Host = "prod-database.proxy-cabcdefghijk.eu-central-1.rds.amazonaws.com";
    const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const string Session = "IQoJb3JpZ2luX2VjEXAMPLE//token+with=signs";

    static readonly DateTimeOffset Time = new(2026, 8, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_token_is_a_presigned_connect_action_for_one_user_and_host()
    {
        const string Query =
            "Action=connect&DBUser=controlplane_usage&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260801%2Feu-central-1%2Frds-db%2Faws4_request"
            + "&X-Amz-Date=20260801T120000Z&X-Amz-Expires=900&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2Bwith%3Dsigns&X-Amz-SignedHeaders=host";
        // Step by step, as in the documentation of Signature Version 4.
        var request = $"GET\n/\n{Query}\nhost:{Host}:5432\n\nhost\n{Convert.ToHexStringLower(SHA256.HashData([]))}";
        var toSign = $"AWS4-HMAC-SHA256\n20260801T120000Z\n20260801/eu-central-1/rds-db/aws4_request\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request)))}";
        var key = HMACSHA256.HashData(HMACSHA256.HashData(HMACSHA256.HashData(HMACSHA256.HashData(Encoding.UTF8.GetBytes("AWS4" + Secret), "20260801"u8), "eu-central-1"u8), "rds-db"u8), "aws4_request"u8);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));

        Assert.Equal($"{Host}:5432/?{Query}&X-Amz-Signature={signature}", await CreateAsync(new SessionAWSCredentials("AKIDEXAMPLE", Secret, Session), Time));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Session)]
    public async Task A_token_is_signed_like_the_SDKs(string? session)
    {
        // Like RDSAuthTokenGenerator in AWSSDK.RDS.
        var request = new DefaultRequest(new DescribeClusterRequest(), "rds-db") { HttpMethod = "GET", UseQueryString = true, Endpoint = new Uri($"https://{Host}:5432") };
        foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("X-Amz-Expires", "900"), ("DBUser", "controlplane_usage"), ("Action", "connect"), ("X-Amz-Security-Token", session)])
        {
            if (value is not null)
            {
                request.Parameters[name] = value;
            }
        }

        var theirs = AWS4PreSignedUrlSigner.SignRequest(
            request, new AmazonEKSConfig { RegionEndpoint = RegionEndpoint.EUCentral1 }, new RequestMetrics(), "AKIDEXAMPLE", Secret, "rds-db", "eu-central-1", Time.UtcDateTime);
        AWSCredentials credentials = session is null ? new BasicAWSCredentials("AKIDEXAMPLE", Secret) : new SessionAWSCredentials("AKIDEXAMPLE", Secret, session);
        Assert.EndsWith($"&X-Amz-Signature={theirs.Signature}", await CreateAsync(credentials, Time), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_connection_gets_a_new_token()
    {
        var clock = new InstantClock(Time);
        var token = new RdsToken(new BasicAWSCredentials("AKIDEXAMPLE", Secret), RegionEndpoint.EUCentral1, clock);
        var first = await token.CreateAsync(Login(), default);
        // As after a freeze of the process, in which no timer fires.
        clock.Move(TimeSpan.FromHours(3));
        var second = await token.CreateAsync(Login(), default);
        Assert.Contains("X-Amz-Date=20260801T120000Z", first, StringComparison.Ordinal);
        Assert.Contains("X-Amz-Date=20260801T150000Z", second, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bundle_has_one_RDS_root_certificate_per_region_and_no_others()
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(Path.Combine(AppContext.BaseDirectory, "rds-ca-rsa2048-g1.pem"));
        Assert.All(roots, root =>
        {
            Assert.Matches(@"CN=Amazon RDS [a-z]{2}-[a-z]+-\d Root CA RSA2048 G1(,|$)", root.Subject);
            Assert.Equal(root.Subject, root.Issuer);
            Assert.True(root.NotAfter.Year > 2060);
            using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, CustomTrustStore = { root } } };
            Assert.True(chain.Build(root), "The signature is invalid.");
        });
        Assert.Equal(roots.Count, roots.Select(root => root.Subject).Distinct().Count());
        Assert.Contains(roots, root => root.Subject.Contains("eu-central-1", StringComparison.Ordinal));
        Assert.True(roots.Count >= 29);
    }

    static ValueTask<string> CreateAsync(AWSCredentials credentials, DateTimeOffset now) => new RdsToken(credentials, RegionEndpoint.EUCentral1, new InstantClock(now)).CreateAsync(Login(), default);

    static NpgsqlConnectionStringBuilder Login() => new() { Host = Host, Port = 5432, Username = "controlplane_usage" };
}
