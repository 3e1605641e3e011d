using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>During an outage of the database one tenant does not use up what all may queue.</summary>
public sealed class SpoolShareJourneys
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task One_tenant_cannot_fill_the_spool_and_is_told_to_send_again()
    {
        // A megabyte of which one tenant may fill a quarter.
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SPOOL_LIMIT", "1")]);
        var (greedy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await VerifySenderAsync(server, greedy);
        await VerifySenderAsync(server, other);
        var queued = new List<string>();
        var random = new Random(Seeds.Next());
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            while (true)
            {
                // Random text, because the files are compressed.
                var ids = Enumerable.Range(0, 20).Select(_ => Convert.ToHexString(random.GetItems(Enumerable.Range(0, 256).Select(n => (byte)n).ToArray(), 90))).ToList();
                using var reply = await greedy.PostAsync($"[{string.Join(',', ids.Select(id => Line(id)))}]");
                if (reply.StatusCode != HttpStatusCode.OK)
                {
                    Assert.Equal((HttpStatusCode.ServiceUnavailable, true), (reply.StatusCode, reply.Headers.RetryAfter is not null));
                    Assert.Contains("one tenant may queue", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                    break;
                }

                queued.AddRange(ids);
                Assert.True(queued.Count < 10_000);
            }

            Assert.Equal(1, await other.PostAsync(Line("e1")).QueuedAsync());
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(150, await other.TokensAsync("2026-01-15", "2026-01-16"));
        Assert.Equal(queued.Count * 150L, await greedy.TokensAsync("2026-01-15", "2026-01-16"));
    }

    static async Task VerifySenderAsync(TestServer server, TestTenant tenant)
    {
        await server.ReportAsync(tenant).CountsAsync();
        await tenant.PostAsync("[]").CountsAsync();
    }

    static string Line(string id) => JsonSerializer.Serialize(Deliveries.Event(id, Now));
}
