using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What customers and their applications are told besides invoices and payments. The period ends on 1 February.</summary>
public sealed class NoticeJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Due = End.AddDays(15).AddSeconds(-1);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateTenantAsync("basic");
        await _server.SetAddressAsync(_tenant);
        (await _tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = "http://localhost:9/" })).EnsureSuccessStatusCode();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Applications_are_told_of_changes_and_cancellations()
    {
        await ChangeAsync("premium");
        await ChangeAsync("basic");
        await ChangeAsync("premium");
        await TickAsync();
        (await _tenant.Http.PostAsync("/v1/subscription/cancellation", null)).EnsureSuccessStatusCode();
        await TickAsync();
        (await _tenant.Http.DeleteAsync("/v1/subscription/cancellation")).EnsureSuccessStatusCode();
        await ChangeAsync("basic");
        await _server.JumpAsync(End, "billing");
        Assert.Equal(
            ["plan_changed premium", "change_scheduled basic", "change_undone premium", "cancelled premium", "cancellation_undone premium", "change_scheduled basic", "plan_changed basic"],
            await ToldAsync());
        var data = JsonDocument.Parse((await _server.ReadAsync<string>(
            "select payload from control.webhook_delivery where tenant_id = $1 order by created_at desc, id desc limit 1", _tenant.Id))!)
            .RootElement.GetProperty("data");
        Assert.Equal((_tenant.Id, End), (data.GetProperty("tenant_id").GetGuid(), data.GetProperty("effective_at").GetDateTimeOffset()));
    }

    [Fact]
    public async Task Applications_are_told_of_suspension_reactivation_and_the_end()
    {
        await _server.PayByTransferAsync(_tenant);
        foreach (var at in new[] { End, Due, Due.AddHours(72), Due.AddHours(144) })
        {
            await _server.JumpAsync(at, "billing");
        }

        await TickAsync();
        await _server.PayAsync(_tenant, "INV-000001");
        Assert.Equal(["suspended basic", "reactivated basic"], await ToldAsync());
        await TickAsync();
        (await _tenant.Http.PostAsync("/v1/subscription/cancellation", null)).EnsureSuccessStatusCode();
        await _server.JumpAsync(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero), "billing");
        Assert.Equal(["suspended basic", "reactivated basic", "cancelled basic", "ended"], await ToldAsync());
    }

    [Fact]
    public async Task A_card_that_expires_before_the_charge_after_the_next_one_is_told_once()
    {
        await _server.SqlAsync(
            """
            insert into control.billing_profile (tenant_id, collection, provider, method_id, method_kind, method_label, method_expires_on)
            values ($1, 'charge', 'sandbox', 'sandbox', 'card', 'Visa •••• 4242', '2026-03-31')
            """,
            _tenant.Id);
        Assert.Equal(0, await ExpiringAsync(End));
        // The charge of 1 March succeeds, that of 1 April does not.
        Assert.Equal(1, await ExpiringAsync(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero)));
        Assert.Equal(1, await ExpiringAsync(new DateTimeOffset(2026, 4, 1, 0, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public async Task The_preview_is_shown_as_the_mail_said_it()
    {
        await _server.ReportAsync(_tenant, Deliveries.Event("e1", Start, 1_100_000, 0));
        await _server.JumpAsync(End.AddHours(-48), "billing");
        await _server.ReportAsync(_tenant, Deliveries.Event("e2", _server.Clock.GetUtcNow(), 1_000_000, 0));
        var subscription = await (await _tenant.Http.GetAsync("/v1/subscription")).ReadAsync();
        Assert.Equal((10.90m, 20.90m), (subscription.GetProperty("preview").GetProperty("amount_due").GetDecimal(), subscription.GetProperty("next_invoice").GetProperty("amount_due").GetDecimal()));
        Assert.Contains(await _server.MailsAsync(), mail => mail.Subject.Contains("10,90", StringComparison.Ordinal));

        await _server.JumpAsync(End, "billing");
        Assert.False((await (await _tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).TryGetProperty("preview", out _));
    }

    async Task<long> ExpiringAsync(DateTimeOffset end)
    {
        await _server.JumpAsync(end.AddHours(-48), "billing");
        await _server.JumpAsync(end, "billing");
        return await _server.ReadAsync<long>("select count(*) from control.outbox where tenant_id = $1 and dedupe_key like 'card-expiring:%'", _tenant.Id);
    }

    // Ids of one instant have no order.
    Task TickAsync() => _server.JumpAsync(_server.Clock.GetUtcNow().AddMinutes(1));

    async Task ChangeAsync(string plan)
    {
        await TickAsync();
        (await _tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan })).EnsureSuccessStatusCode();
    }

    Task<string[]> ToldAsync() => _server.ListAsync(
        """
        select array_agg(concat_ws(' ', payload::jsonb -> 'data' ->> 'change', payload::jsonb -> 'data' ->> 'plan') order by created_at, id)
        from control.webhook_delivery where tenant_id = $1 and type = 'subscription.changed'
        """,
        _tenant.Id);
}
