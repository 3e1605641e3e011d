using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Usage of a deleted tenant is on its last invoice or in quarantine with an alert, never counted in silence.</summary>
public sealed class EndedSubscriptionJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 3, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateTenantAsync("basic");
        await RecordAsync(Deliveries.Event("before", Start, 1_100_000, 0));
        await _server.MoveClockAsync(Start.AddDays(9));
        Assert.True((await _server.Operator.DeleteAsync($"/v1/admin/tenants/{_tenant.Id}")).IsSuccessStatusCode);
        await _server.RunJobAsync("provision");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Usage_reported_before_the_last_invoice_is_on_it()
    {
        Assert.Empty(await RecordAsync(Deliveries.Event("during", Start.AddDays(8), 100_000, 0)));
        await _server.MoveClockAsync(End.AddDays(40));

        Assert.Equal(1_200_000, await _server.ReadAsync<long>("select token_usage from control.invoice"));
        Assert.Equal("ended", await _server.ReadAsync<string>("select status from control.subscription"));
    }

    [Fact]
    public async Task Usage_reported_after_the_last_invoice_is_held_and_raises_an_alert_until_an_operator_has_dealt_with_it()
    {
        await _server.MoveClockAsync(End.AddHours(1));
        Assert.Equal([Rejection.Codes.SubscriptionEnded], await RecordAsync(Deliveries.Event("late", Start.AddDays(9), 300_000, 0)));
        // What was counted in time is a duplicate, not late.
        Assert.Empty(await RecordAsync(Deliveries.Event("before", Start, 1_100_000, 0)));

        for (var run = 0; run < 2; run++)
        {
            var alert = Assert.Single((await _server.RunJobAsync("billing")).GetProperty("alerts").EnumerateArray()).GetString()!;
            Assert.Contains($"{_tenant.Id}: 1 usage events that no invoice can carry", alert, StringComparison.Ordinal);
        }

        var held = Assert.Single((await (await _server.Operator.GetAsync("/v1/admin/quarantine?code=subscription_ended")).ReadAsync()).GetProperty("items").EnumerateArray());
        var path = $"/v1/admin/quarantine/{held.GetProperty("id").GetString()}";
        Assert.Equal(HttpStatusCode.Conflict, (await _server.Operator.PostAsync($"{path}/replay", null)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Operator.PostAsJsonAsync($"{path}/discard", new { })).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _server.Operator.PostAsJsonAsync($"{path}/discard", new { reason = "Charged by hand on 2 April." })).StatusCode);
        Assert.False((await _server.RunJobAsync("billing")).GetProperty("alerts").EnumerateArray().Any());
        Assert.Equal("Charged by hand on 2 April.", await _server.ReadAsync<string>("select detail ->> 'reason' from control.audit_log where action = 'quarantine.discarded'"));
    }

    [Fact]
    public async Task Usage_of_after_the_last_period_is_held_even_before_the_last_invoice_is_written()
    {
        await _server.JumpAsync(End.AddMinutes(30));

        Assert.Equal([Rejection.Codes.SubscriptionEnded], await RecordAsync(Deliveries.Event("after", End.AddMinutes(10)), Deliveries.Event("in-time", End.AddMinutes(-10))));
        await _server.RunJobAsync("billing");
        Assert.Equal(1_100_150, await _server.ReadAsync<long>("select sum(token_usage)::bigint from control.invoice"));
    }

    [Fact]
    public async Task The_request_for_deletion_ends_billing_even_if_the_environment_cannot_be_removed()
    {
        var tenant = await _server.CreateTenantAsync("basic");
        var requested = _server.Clock.GetUtcNow();
        await using (var transaction = await _server.Database.BeginJobAsync(default))
        {
            await transaction.MarkDeletionRequestedAsync(_server.Clock, tenant.Id, default);
            await transaction.CommitAsync(default);
        }

        Assert.Empty(await RecordAsync(tenant, Deliveries.Event("last", requested, 1_000_000, 0)));
        var end = DateOnly.FromDateTime(requested.UtcDateTime).AddMonths(1).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
        await _server.MoveClockAsync(new DateTimeOffset(end).AddDays(1));

        Assert.Equal([Rejection.Codes.SubscriptionEnded], await RecordAsync(tenant, Deliveries.Event("after", new DateTimeOffset(end).AddHours(1), 1_000_000, 0)));
        await _server.MoveClockAsync(_server.Clock.GetUtcNow().AddDays(70));
        Assert.Equal((1, 1_000_000), (
            await _server.ReadAsync<long>("select count(*) from control.invoice where tenant_id = $1", tenant.Id),
            await _server.ReadAsync<long>("select sum(token_usage)::bigint from control.invoice where tenant_id = $1", tenant.Id)));
        Assert.Equal("ended active", await _server.ReadAsync<string>("select s.status || ' ' || t.status from control.subscription s join control.tenant t on t.id = s.tenant_id where t.id = $1", tenant.Id));
    }

    // As the drain of the spool does: the tenant's credentials are refused by now.
    Task<string[]> RecordAsync(params object[] events) => RecordAsync(_tenant, events);

    async Task<string[]> RecordAsync(TestTenant tenant, params object[] events)
    {
        var submissions = events.Select(usage => ReadUsage.Parse(UsageFormat.Event, JsonSerializer.Serialize(usage))).ToList();
        var reply = await _server.Services.GetRequiredService<RecordUsage>().RunAsync(tenant.Id, submissions, default);
        return [.. reply.Rejected.Select(rejected => rejected.Code)];
    }
}
