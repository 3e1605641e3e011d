using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>However late events are reported, the invoices charge each token beyond the allowance of its period exactly once.</summary>
public class LateUsageProperties
{
    const int Tenants = 20;
    const long Included = 1_000_000;
    static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateOnly Anchor = new(2026, 3, 1);

    [Fact]
    public async Task Overage_does_not_depend_on_when_events_are_reported()
    {
        var seed = Seeds.Next();
        var random = new Random(seed);
        await using var server = await TestServer.StartAsync(clock: Start);
        var reported = new Dictionary<Guid, List<UsageEvent>>();
        for (var n = 0; n < Tenants; n++)
        {
            reported[(await server.CreateTenantAsync("basic")).Id] = [];
        }

        // Events of up to 35 days ago, some of them of before the anchor, reported in four periods.
        for (var period = 1; period <= 4; period++)
        {
            await server.JumpAsync(BillingPeriod.Of(Anchor, period).EndsAt.AddDays(-20), "billing");
            foreach (var (tenant, events) in reported)
            {
                events.AddRange(await ReportAsync(server, tenant, random));
            }
        }

        await server.JumpAsync(BillingPeriod.Of(Anchor, 5).EndsAt.AddHours(1), "billing");
        foreach (var (tenant, events) in reported)
        {
            var expected = events.GroupBy(usage => BillingPeriod.Containing(Anchor, usage.Day)).Sum(period => Math.Max(0, period.Sum(usage => usage.TotalTokens) - Included));
            var (billed, overage) = (
                await server.ReadAsync<long>("select sum(token_usage)::bigint from control.invoice where tenant_id = $1", tenant),
                await server.ReadAsync<long>("select sum(overage_tokens)::bigint from control.invoice where tenant_id = $1", tenant));
            Assert.True((events.Sum(usage => usage.TotalTokens), expected) == (billed, overage), $"Seed {seed}, tenant {tenant}: {overage} instead of {expected} tokens of overage");
        }
    }

    static async Task<List<UsageEvent>> ReportAsync(TestServer server, Guid tenant, Random random)
    {
        var now = server.Clock.GetUtcNow();
        var submissions = Enumerable.Range(0, random.Next(4)).Select(_ => ReadUsage.Parse(UsageFormat.Event, JsonSerializer.Serialize(
            Deliveries.Event(Names.Random("e"), now.AddMinutes(-random.Next(34 * 24 * 60)), random.Next(900_000), random.Next(100_000))))).ToList();
        var reply = await server.Services.GetRequiredService<RecordUsage>().RunAsync(tenant, submissions, default);
        Assert.Equal(submissions.Count, reply.Accepted);
        return submissions.ConvertAll(submission => submission.Event!);
    }
}
