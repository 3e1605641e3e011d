using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Tests.Aws;

public class EksTokenTests
{
    const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const string Session = "IQoJb3JpZ2luX2VjEXAMPLE//token+with=signs";

    [Fact]
    public async Task A_token_is_a_presigned_GetCallerIdentity_request_that_names_the_cluster()
    {
        var token = await Token(InstantClock.AtFixedTime()).GetAsync();
        Assert.Matches("^k8s-aws-v1\\.[A-Za-z0-9_-]+$", token);
        var url = Address(token);
        Assert.StartsWith("https://sts.eu-central-1.amazonaws.com/?", url, StringComparison.Ordinal);
        var query = Query(url);
        Assert.Equal(
            [
                ("Action", "GetCallerIdentity"), ("Version", "2011-06-15"), ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIDEXAMPLE/20260801/eu-central-1/sts/aws4_request"), ("X-Amz-Date", "20260801T120000Z"), ("X-Amz-Expires", "60"),
                ("X-Amz-Security-Token", Session), ("X-Amz-SignedHeaders", "host;x-k8s-aws-id"), ("X-Amz-Signature", ExpectedSignature()),
            ],
            query);
    }

    // Step by step, as in the documentation of Signature Version 4.
    static string ExpectedSignature()
    {
        const string Request = """
            GET
            /
            Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260801%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20260801T120000Z&X-Amz-Expires=60&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2Bwith%3Dsigns&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id
            host:sts.eu-central-1.amazonaws.com
            x-k8s-aws-id:controlplane-prod-cluster

            host;x-k8s-aws-id
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
            """;
        var toSign = $"AWS4-HMAC-SHA256\n20260801T120000Z\n20260801/eu-central-1/sts/aws4_request\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Request.ReplaceLineEndings("\n"))))}";
        var day = HMACSHA256.HashData(Encoding.UTF8.GetBytes("AWS4" + Secret), "20260801"u8);
        var region = HMACSHA256.HashData(day, "eu-central-1"u8);
        var service = HMACSHA256.HashData(region, "sts"u8);
        var key = HMACSHA256.HashData(service, "aws4_request"u8);
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
    }

    [Fact]
    public async Task A_token_is_cached_for_14_minutes()
    {
        var clock = InstantClock.AtFixedTime();
        var token = Token(clock);
        var first = await token.GetAsync();
        clock.Move(TimeSpan.FromSeconds((14 * 60) - 1));
        Assert.Equal(first, await token.GetAsync());
        clock.Move(TimeSpan.FromSeconds(1));
        var second = await token.GetAsync();
        Assert.Contains(("X-Amz-Date", "20260801T121400Z"), Query(Address(second)));
        token.Invalidate();
        clock.Move(TimeSpan.FromSeconds(1));
        Assert.NotEqual(second, await token.GetAsync());
    }

    [Fact]
    public async Task Each_partition_has_its_own_hosts()
    {
        var token = new EksToken(new BasicAWSCredentials("AKIDEXAMPLE", Secret), RegionEndpoint.CNNorth1, "c", InstantClock.AtFixedTime());
        Assert.StartsWith("https://sts.cn-north-1.amazonaws.com.cn/?", Address(await token.GetAsync()), StringComparison.Ordinal);
    }

    internal static EksToken Token(TimeProvider clock) =>
        new(new SessionAWSCredentials("AKIDEXAMPLE", Secret, Session), RegionEndpoint.EUCentral1, "controlplane-prod-cluster", clock);

    static string Address(string token) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.AsSpan("k8s-aws-v1.".Length)));

    static IEnumerable<(string, string)> Query(string url) =>
        url[(url.IndexOf('?', StringComparison.Ordinal) + 1)..].Split('&').Select(pair => pair.Split('=', 2)).Select(pair => (pair[0], Uri.UnescapeDataString(pair[1])));
}
