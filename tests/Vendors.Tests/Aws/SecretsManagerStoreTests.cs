using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Tests.Aws;

public class SecretsManagerStoreTests
{
    const string Key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    static readonly Guid Tenant = Guid.Parse("0198f0a0-0000-7000-8000-000000000001");
    static readonly Dictionary<string, string> Two = new() { ["redis_password"] = "two", ["database_password"] = "one" };

    [Theory]
    [InlineData("secret-created.json")]
    [InlineData("secret-exists.json")]
    [InlineData("secret-extended.json")]
    [InlineData("secret-restored.json")]
    public async Task Missing_secrets_are_added_with_the_recorded_calls(string recorded)
    {
        var recording = Recording.Of(recorded);
        await Store(recording.Replay<IAmazonSecretsManager>()).AddAsync(Tenant, Two, default);
        recording.AssertAllUsed();
    }

    [Fact]
    public async Task A_removed_secret_is_empty_at_once_and_recoverable_for_30_days()
    {
        var recording = Recording.Of("secret-removed.json");
        var store = Store(recording.Replay<IAmazonSecretsManager>());
        await store.RemoveAsync(Tenant, default);
        Assert.Empty(await store.ReadAsync(Tenant, default));
        recording.AssertAllUsed();
    }

    [Fact]
    public async Task Existing_values_are_never_changed()
    {
        var aws = new FakeSecretsManager();
        var store = Store(aws.Client());
        Assert.Empty(await store.ReadAsync(Tenant, default));
        await store.RemoveAsync(Tenant, default);
        await store.AddAsync(Tenant, Two, default);
        await store.AddAsync(Tenant, new Dictionary<string, string> { ["redis_password"] = "other", ["gateway_key"] = "three" }, default);
        Assert.Equal(new SortedDictionary<string, string> { ["database_password"] = "one", ["gateway_key"] = "three", ["redis_password"] = "two" }, await store.ReadAsync(Tenant, default));
    }

    [Fact]
    public async Task A_tenant_provisioned_again_within_the_recovery_window_gets_new_secrets()
    {
        var aws = new FakeSecretsManager();
        var store = Store(aws.Client());
        await store.AddAsync(Tenant, Two, default);
        await store.RemoveAsync(Tenant, default);
        await store.RemoveAsync(Tenant, default);
        Assert.Empty(await store.ReadAsync(Tenant, default));
        Assert.Contains("\"one\"", aws.Text(Tenant, "AWSPREVIOUS"), StringComparison.Ordinal);
        await store.AddAsync(Tenant, new Dictionary<string, string> { ["database_password"] = "new" }, default);
        Assert.Equal([new("database_password", "new")], await store.ReadAsync(Tenant, default));
    }

    [Fact]
    public async Task A_malformed_secret_is_named_but_not_quoted()
    {
        var aws = new FakeSecretsManager();
        aws.Put(Tenant, "pass=word");
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => Store(aws.Client()).ReadAsync(Tenant, default));
        Assert.Contains($"tenant-{Tenant}-secrets", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("word", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_permanent_error_keeps_the_text_of_AWS()
    {
        var refusing = Substitute.For<IAmazonSecretsManager>((operation, _) => operation == "GetSecretValue"
            ? throw new ResourceNotFoundException("none")
            : throw new InvalidParameterException("Invalid KMS key."));
        Assert.Equal("Invalid KMS key.", (await Assert.ThrowsAsync<InvalidParameterException>(() => Store(refusing).AddAsync(Tenant, Two, default))).Message);
    }

    [Fact]
    public async Task A_secret_is_replicated_and_its_replica_removed_with_it()
    {
        var aws = new FakeSecretsManager();
        var store = Store(aws.Client(), new TenantSecretCopy("us-west-2", "arn:aws:kms:us-west-2:111122223333:key/copies"));
        await store.AddAsync(Tenant, Two, default);
        Assert.Equal(["us-west-2"], aws.CopiesOf(Tenant));
        await store.RemoveAsync(Tenant, default);
        Assert.Empty(aws.CopiesOf(Tenant));
        await store.AddAsync(Tenant, Two, default);
        Assert.Equal(["us-west-2"], aws.CopiesOf(Tenant));
    }

    internal static SecretsManagerStore Store(IAmazonSecretsManager manager, TenantSecretCopy? copy = null) =>
        new(manager, new TenantSecretSettings(Key, copy, new SortedDictionary<string, string> { ["Owner"] = "platform", ["Stack"] = "prod" }), InstantClock.AtFixedTime());
}
