using System.Net.Http.Headers;
using System.Text;
using Amazon;
using Amazon.EKS;
using Amazon.EKS.Model;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.Runtime.Internal.Util;

namespace ControlPlane.Tests.Aws;

public class SigV4Tests
{
    // The key, time and signature of the worked example in AWS' own documentation.
    static readonly ImmutableCredentials Example = new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", null);
    static readonly DateTimeOffset ExampleTime = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);

    [Fact]
    public void The_documentations_example_gets_the_documented_signature()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers") { Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded; charset=utf-8");
        new SigV4("us-east-1", "iam").Sign(request, [], Example, ExampleTime);
        Assert.Equal(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            request.Headers.GetValues("Authorization").Single());
        Assert.Equal("20150830T123600Z", request.Headers.GetValues("X-Amz-Date").Single());
    }

    [Theory]
    [InlineData("POST", "", """{"ClientToken":"a"}""", null)]
    [InlineData("GET", "?MaxResults=1000&FileSystemId=fs-1&NextToken=%2Ba%2F%3D%20b%C3%BC", "", null)]
    [InlineData("DELETE", "/fsap-0123", "", "IQoJb3JpZ2luX2VjEXAMPLE//token+with=signs")]
    public void Header_signatures_equal_the_SDKs(string method, string rest, string body, string? token)
    {
        var credentials = new ImmutableCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
        var url = new Uri($"https://elasticfilesystem.eu-central-1.amazonaws.com/2015-02-01/access-points{rest}");
        using var request = new HttpRequestMessage(new HttpMethod(method), url);
        new SigV4("eu-central-1", "elasticfilesystem").Sign(request, Encoding.UTF8.GetBytes(body), credentials, ExampleTime);

        var headers = request.Headers.Where(header => header.Key != "Authorization").Select(header => $"{header.Key}:{header.Value.Single()}\n").Prepend($"host:{url.Host}\n");
        var names = string.Join(';', headers.Select(header => header[..header.IndexOf(':', StringComparison.Ordinal)]));
        var query = string.Join('&', url.Query.TrimStart('?').Split('&').Order(StringComparer.Ordinal));
        var canonical = $"{method}\n{url.AbsolutePath}\n{query}\n{string.Concat(headers)}\n{names}\n{Convert.ToHexStringLower(AWS4Signer.ComputeHash(body))}";
        var expected = AWS4Signer.ComputeSignature(credentials, "eu-central-1", ExampleTime.UtcDateTime, "elasticfilesystem", names, canonical);
        Assert.Equal(expected.ForAuthorizationHeader, request.Headers.GetValues("Authorization").Single());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("IQoJb3JpZ2luX2VjEXAMPLE//token+with=signs")]
    public void Presigned_URLs_equal_the_SDKs(string? token)
    {
        var credentials = new ImmutableCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
        var ours = new SigV4("eu-central-1", "sts").Presign(
            new Uri("https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"),
            new Dictionary<string, string> { ["x-k8s-aws-id"] = "controlplane-prod-cluster" }, TimeSpan.FromSeconds(60), credentials, ExampleTime);

        var request = new DefaultRequest(new DescribeClusterRequest(), "sts") { HttpMethod = "GET", Endpoint = new Uri("https://sts.eu-central-1.amazonaws.com/"), UseQueryString = true };
        request.Headers["x-k8s-aws-id"] = "controlplane-prod-cluster";
        foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("Action", "GetCallerIdentity"), ("Version", "2011-06-15"), ("X-Amz-Expires", "60"), ("X-Amz-Security-Token", token)])
        {
            if (value is not null)
            {
                request.Parameters[name] = value;
            }
        }

        var theirs = AWS4PreSignedUrlSigner.SignRequest(
            request, new AmazonEKSConfig { RegionEndpoint = RegionEndpoint.EUCentral1 }, new RequestMetrics(), credentials.AccessKey, credentials.SecretKey, "sts", "eu-central-1", ExampleTime.UtcDateTime);
        Assert.EndsWith($"&X-Amz-Signature={theirs.Signature}", ours, StringComparison.Ordinal);
    }
}
