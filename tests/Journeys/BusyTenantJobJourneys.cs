namespace ControlPlane.Tests;

/// <summary>Jobs and long reads wait for no tenant, and no tenant for them.</summary>
public sealed class BusyTenantJobJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset PeriodEnd = new(2026, 2, 15, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Of a statement that is not delayed, on a slow machine.</summary>
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _free = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        (_busy, _free) = (await _server.CreateTenantAsync("enterprise"), await _server.CreateTenantAsync("enterprise"));
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_long_read_of_usage_does_not_stop_ingestion_when_a_month_begins()
    {
        await using var report = await _server.Database.BeginJobAsync(default);
        await report.ScalarAsync<long>("select count(*) from control.usage_event", default);

        Assert.True(await _server.ReadAsync<bool>("select control.ensure_usage_partition('2031-05-01')").WaitAsync(Deadline));
        Assert.Equal(1, (await _server.ReportAsync(_free, Deliveries.Event("e1", Now.AddDays(-20))).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_locked_tenant_is_invoiced_by_the_next_run_and_the_others_at_once()
    {
        // After the preview, which would wait for the lock in each hour.
        await _server.MoveClockAsync(PeriodEnd.AddHours(-1));
        await using (var other = await _server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync(BillingLock.Acquire, default, _busy.Id);
            await _server.MoveClockAsync(PeriodEnd);
            Assert.Equal((0, 1), (await InvoicesAsync(_busy), await InvoicesAsync(_free)));
        }

        await _server.RunJobAsync("billing");
        Assert.Equal((1, 1), (await InvoicesAsync(_busy), await InvoicesAsync(_free)));
    }

    static async Task<int> InvoicesAsync(TestTenant tenant) => (await (await tenant.Http.GetAsync("/v1/invoices")).ReadAsync()).GetProperty("items").GetArrayLength();
}
