using System.Security.Authentication;
using System.Text;
using Amazon.EKS;
using Amazon.EKS.Model;

namespace ControlPlane.Tests.Aws;

/// <summary>Against a local TLS server as the cluster's API.</summary>
public class EksConnectionTests
{
    [Fact]
    public async Task Requests_carry_a_token_over_a_connection_that_trusts_the_clusters_authority()
    {
        using var authority = new Authority();
        await using var cluster = await ClusterApi.StartAsync(authority.Certificate("localhost"));
        using var connection = Connection(cluster.Url("localhost"), authority);
        var client = await connection.OpenAsync(default);
        Assert.Contains("\"gitVersion\":\"v1.35.0-eks-stand-in\"", await client.GetStringAsync("/version"), StringComparison.Ordinal);
        Assert.StartsWith("Bearer k8s-aws-v1.", Assert.Single(cluster.Authorizations), StringComparison.Ordinal);
        Assert.Same(client, await connection.OpenAsync(default));
    }

    [Fact]
    public async Task A_server_with_a_certificate_of_another_authority_gets_no_token()
    {
        using var authority = new Authority();
        using var other = new Authority();
        await using var impostor = await ClusterApi.StartAsync(other.Certificate("localhost"));
        await AssertRefusedAsync(impostor, "localhost", authority);
    }

    [Fact]
    public async Task A_server_with_a_certificate_for_another_name_gets_no_token()
    {
        using var authority = new Authority();
        await using var node = await ClusterApi.StartAsync(authority.Certificate("node-7.internal"));
        await AssertRefusedAsync(node, "localhost", authority);
    }

    [Fact]
    public async Task A_server_with_an_expired_certificate_gets_no_token()
    {
        using var authority = new Authority();
        await using var old = await ClusterApi.StartAsync(authority.Certificate("localhost", expired: true));
        await AssertRefusedAsync(old, "localhost", authority);
    }

    [Fact]
    public async Task A_rejected_token_is_not_used_again()
    {
        using var authority = new Authority();
        await using var cluster = await ClusterApi.StartAsync(authority.Certificate("localhost"), refuseFirst: true);
        var clock = InstantClock.AtFixedTime();
        using var connection = new EksConnection(Eks(cluster.Url("localhost"), authority.Pem), EksTokenTests.Token(clock), "controlplane-prod-cluster");
        var client = await connection.OpenAsync(default);
        using var refused = await client.GetAsync("/version");
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, refused.StatusCode);
        clock.Move(TimeSpan.FromSeconds(1));
        using var accepted = await client.GetAsync("/version");
        Assert.True(accepted.IsSuccessStatusCode);
        Assert.NotEqual(cluster.Authorizations[0], cluster.Authorizations[1]);
    }

    [Fact]
    public async Task A_missing_or_creating_cluster_is_reported_and_looked_up_again()
    {
        var recording = Recording.Of("cluster.json");
        using var connection = new EksConnection(recording.Replay<IAmazonEKS>(), EksTokenTests.Token(InstantClock.AtFixedTime()), "controlplane-prod-cluster");
        var missing = await Assert.ThrowsAsync<StepFailedException>(() => connection.OpenAsync(default));
        Assert.Contains("CONTROLPLANE_CLUSTER", missing.Message, StringComparison.Ordinal);
        var creating = await Assert.ThrowsAsync<StepFailedException>(() => connection.OpenAsync(default));
        Assert.Contains("CREATING", creating.Message, StringComparison.Ordinal);
        var client = await connection.OpenAsync(default);
        Assert.Equal("https://0123456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com/", client.BaseAddress!.AbsoluteUri);
        recording.AssertAllUsed();
    }

    static async Task AssertRefusedAsync(ClusterApi server, string host, Authority trusted)
    {
        using var connection = Connection(server.Url(host), trusted);
        var client = await connection.OpenAsync(default);
        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/version"));
        Assert.IsType<AuthenticationException>(failure.InnerException);
        Assert.Empty(server.Authorizations);
    }

    static EksConnection Connection(Uri endpoint, Authority authority) =>
        new(Eks(endpoint, authority.Pem), EksTokenTests.Token(InstantClock.AtFixedTime()), "controlplane-prod-cluster");

    static IAmazonEKS Eks(Uri endpoint, string pem) => Substitute.For<IAmazonEKS>((_, request) => Task.FromResult<object>(new DescribeClusterResponse
    {
        Cluster = new Cluster
        {
            Name = ((DescribeClusterRequest)request).Name,
            Status = ClusterStatus.ACTIVE,
            Endpoint = endpoint.AbsoluteUri,
            CertificateAuthority = new Certificate { Data = Convert.ToBase64String(Encoding.ASCII.GetBytes(pem)) },
        },
    }));
}
