using System.Text.Json;
using Xunit.Abstractions;

namespace ControlPlane.Tests.Aws;

/// <summary>Two concurrent writers: every order of their calls, with a crash of one at every point.</summary>
[Trait("Category", "Slow")]
public class SecretInterleavings(ITestOutputHelper output)
{
    static readonly Guid Tenant = Guid.Parse("0198f0a0-0000-7000-8000-000000000001");

    [Theory]
    [InlineData(null, false)]
    [InlineData("""{"old":"0"}""", false)]
    [InlineData("{}", true)]
    [InlineData("""{"old":"0"}""", true)]
    public async Task Two_concurrent_writers_never_lose_a_key_or_change_a_value(string? before, bool scheduledForDeletion)
    {
        var orders = await Interleavings.EveryAsync(
            () =>
            {
                var aws = new FakeSecretsManager();
                if (before is not null)
                {
                    aws.Put(Tenant, before, scheduledForDeletion);
                }

                var seen = Current(aws);
                aws.AfterCall = () =>
                {
                    // At every moment, not only at the end, the current version has all values of the former one.
                    var now = Current(aws);
                    Assert.All(seen, secret => Assert.Equal(secret.Value, now.GetValueOrDefault(secret.Key)));
                    seen = now;
                };
                return (aws, finished => CheckAsync(aws, finished));
            },
            (client, writer) => SecretsManagerStoreTests.Store(client).AddAsync(
                Tenant, new Dictionary<string, string> { ["shared"] = $"of-{writer}", [$"only-{writer}"] = "1", ["old"] = $"of-{writer}" }, default),
            writers: 2, crashes: 1);
        output.WriteLine($"{orders} orders");
        Assert.True(orders > 30, $"Only {orders} orders; the writers did not run concurrently.");
    }

    [Fact]
    public async Task The_search_detects_a_lost_update()
    {
        // A naive writer: it stores what it has read plus its own keys, without staging labels.
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => Interleavings.EveryAsync(
            () =>
            {
                var aws = new FakeSecretsManager();
                aws.Put(Tenant, "{}");
                return (aws, finished => CheckAsync(aws, finished));
            },
            async (client, writer) =>
            {
                var name = SecretsManagerStore.NameOf(Tenant);
                var read = await client.GetSecretValueAsync(new() { SecretId = name, VersionStage = "AWSCURRENT" });
                var document = JsonSerializer.Deserialize<Dictionary<string, string>>(read.SecretString)!;
                (document["shared"], document[$"only-{writer}"]) = ($"of-{writer}", "1");
                await client.PutSecretValueAsync(
                    new() { SecretId = name, ClientRequestToken = $"version-{writer}", SecretString = JsonSerializer.Serialize(document), VersionStages = ["AWSCURRENT"] });
            },
            writers: 2, crashes: 0));
    }

    static async Task CheckAsync(FakeSecretsManager aws, IReadOnlyList<int> finished)
    {
        var stored = await SecretsManagerStoreTests.Store(aws.Client()).ReadAsync(Tenant, default);
        Assert.All(finished, writer => Assert.Contains($"only-{writer}", stored.Keys));
        Assert.Contains(stored["shared"], (string[])["of-0", "of-1"]);
    }

    static Dictionary<string, string> Current(FakeSecretsManager aws) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(aws.Text(Tenant, "AWSCURRENT") ?? "{}")!;
}
