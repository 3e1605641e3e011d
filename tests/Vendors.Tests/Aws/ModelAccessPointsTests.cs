using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Tests.Aws;

public class ModelAccessPointsTests
{
    [Theory]
    [InlineData("access-point-created.json", "fs-0123456789abcdef0::fsap-0aaaaaaaaaaaaaaaa")]
    [InlineData("access-point-exists.json", "fs-0123456789abcdef0::fsap-0aaaaaaaaaaaaaaaa")]
    [InlineData("access-point-throttled.json", "fs-0123456789abcdef0::fsap-0aaaaaaaaaaaaaaaa")]
    [InlineData("access-point-being-deleted.json", "fs-0123456789abcdef0::fsap-0bbbbbbbbbbbbbbbb")]
    public async Task A_tenant_gets_one_access_point_and_its_volume_handle(string recorded, string handle)
    {
        using var recording = HttpRecording.Of(recorded);
        Assert.Equal(handle, await Storage(recording).CreateAsync(Environment, default));
        recording.AssertAllUsed();
    }

    [Theory]
    [InlineData("access-point-removed.json")]
    [InlineData("access-point-removed-by-another.json")]
    [InlineData("access-point-missing.json")]
    public async Task Removal_deletes_the_access_point_and_is_idempotent(string recorded)
    {
        using var recording = HttpRecording.Of(recorded);
        Assert.Equal("removed", await Storage(recording).RemoveAsync(Environment, default));
        recording.AssertAllUsed();
    }

    [Fact]
    public async Task A_file_system_at_its_access_point_limit_is_reported()
    {
        using var recording = HttpRecording.Of("access-point-limit.json");
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => Storage(recording).CreateAsync(Environment, default));
        Assert.Contains("fs-0123456789abcdef0 has as many access points as EFS allows (10,000", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_denied_call_is_not_retried_and_reports_the_text_of_AWS()
    {
        using var recording = HttpRecording.Of("access-point-denied.json");
        var failure = await Assert.ThrowsAsync<ElasticFileSystemException>(() => Storage(recording).CreateAsync(Environment, default));
        Assert.Equal("AccessDeniedException", failure.Code);
        Assert.Contains("not authorized to perform: elasticfilesystem:CreateAccessPoint", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unavailable_service_is_tried_six_times()
    {
        var attempts = 0;
        using var unavailable = new Handler(() =>
        {
            attempts++;
            throw new HttpRequestException("Connection refused");
        });
        await Assert.ThrowsAsync<HttpRequestException>(() => Storage(unavailable).RemoveAsync(Environment, default));
        Assert.Equal(6, attempts);
    }

    static readonly TenantEnvironment Environment = new()
    {
        Tenant = Guid.Parse("0198f0a0-0000-7000-8000-000000000001"),
        Slug = "acme",
        Organization = "Acme",
        Address = "acme.users.example.com",
        Url = new("https://acme.users.example.com"),
        OwnerEmail = null,
        Region = "eu-central-1",
        Plan = new Plan { Name = "enterprise", Title = "Enterprise", SelfService = false, AllModels = true, Models = [], Support = "", Compute = "dedicated GPU", MonthIsHard = false, StorageGib = 200 },
        Models = [],
    };

    static ModelAccessPoints Storage(HttpMessageHandler handler) => new(
        new ElasticFileSystem(new HttpClient(handler), new BasicAWSCredentials("AKIDEXAMPLE", "secret"), RegionEndpoint.EUCentral1, InstantClock.AtFixedTime()),
        "fs-0123456789abcdef0", new AccessPointTemplate("/tenants/{tenant_id}", 1000, 1000, "0750"),
        new SortedDictionary<string, string> { ["Owner"] = "platform", ["Stack"] = "prod" }, InstantClock.AtFixedTime());

    sealed class Handler(Func<HttpResponseMessage> respond) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(respond());
    }
}
