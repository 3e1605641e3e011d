using System.Text.Json;
using Xunit.Abstractions;

namespace ControlPlane.Tests.Aws;

/// <summary>Not some races but all of them: two writers, every order of their calls, and every point at which one may be killed.</summary>
public class SecretInterleavings(ITestOutputHelper output)
{
    static readonly Guid s_tenant = Guid.Parse("0198f0a0-0000-7000-8000-000000000001");

    [Theory]
    [InlineData(null, false)]
    [InlineData("""{"old":"0"}""", false)]
    [InlineData("{}", true)]
    [InlineData("""{"old":"0"}""", true)]
    public async Task Two_writers_at_once_never_lose_a_key_nor_change_a_value(string? before, bool scheduledForDeletion)
    {
        var orders = await Interleavings.EveryAsync(
            () =>
            {
                var aws = new FakeSecretsManager();
                if (before is not null)
                {
                    aws.Put(s_tenant, before, scheduledForDeletion);
                }

                var seen = Current(aws);
                aws.AfterCall = () =>
                {
                    // Whatever is in force holds all that was in force before: at every moment, not only in the end.
                    var now = Current(aws);
                    Assert.All(seen, secret => Assert.Equal(secret.Value, now.GetValueOrDefault(secret.Key)));
                    seen = now;
                };
                return (aws, finished => CheckAsync(aws, finished));
            },
            (client, writer) => SecretsManagerStoreTests.Store(client).AddAsync(
                s_tenant, new Dictionary<string, string> { ["shared"] = $"of-{writer}", [$"only-{writer}"] = "1", ["old"] = $"of-{writer}" }, default),
            writers: 2, deaths: 1);
        output.WriteLine($"{orders} orders");
        Assert.True(orders > 30, $"Only {orders} orders: the writers did not race.");
    }

    [Fact]
    public async Task A_lost_update_would_be_found()
    {
        // The same search with a writer that puts what it read plus its own, as one would without staging labels.
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => Interleavings.EveryAsync(
            () =>
            {
                var aws = new FakeSecretsManager();
                aws.Put(s_tenant, "{}");
                return (aws, finished => CheckAsync(aws, finished));
            },
            async (client, writer) =>
            {
                var name = SecretsManagerStore.NameOf(s_tenant);
                var read = await client.GetSecretValueAsync(new() { SecretId = name, VersionStage = "AWSCURRENT" });
                var document = JsonSerializer.Deserialize<Dictionary<string, string>>(read.SecretString)!;
                (document["shared"], document[$"only-{writer}"]) = ($"of-{writer}", "1");
                await client.PutSecretValueAsync(
                    new() { SecretId = name, ClientRequestToken = $"version-{writer}", SecretString = JsonSerializer.Serialize(document), VersionStages = ["AWSCURRENT"] });
            },
            writers: 2, deaths: 0));
    }

    static async Task CheckAsync(FakeSecretsManager aws, IReadOnlyList<int> finished)
    {
        var there = await SecretsManagerStoreTests.Store(aws.Client()).ReadAsync(s_tenant, default);
        Assert.All(finished, writer => Assert.Contains($"only-{writer}", there.Keys));
        Assert.Contains(there["shared"], (string[])["of-0", "of-1"]);
    }

    static Dictionary<string, string> Current(FakeSecretsManager aws) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(aws.Text(s_tenant, "AWSCURRENT") ?? "{}")!;
}
