using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Deliveries of one tenant that are committed one by one, because one of them was refused with all.</summary>
public sealed class RetriedDeliveryJourneys
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task One_that_meets_a_lock_is_busy_and_says_nothing_about_the_database()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        var record = server.Services.GetRequiredService<RecordUsage>();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(
            """
            create function control.fail_for_test() returns trigger language plpgsql as $$ begin
                raise exception 'for the test' using errcode = case new.user_id when 'invalid' then '22000' else '55P03' end;
            end $$
            """, default);
        await owner.ExecuteAsync(
            "create trigger fail_for_test before insert on control.usage_event for each row when (new.user_id in ('invalid', 'locked')) execute function control.fail_for_test()", default);
        Task<IngestReply>[] deliveries;
        await using (var invoicing = await server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, tenant.Id);
            var first = SendAsync("first");
            while (!await owner.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')", default))
            {
                await Task.Delay(20);
            }

            // They are one batch, which the invalid one fails.
            deliveries = [first, SendAsync("invalid"), SendAsync("locked"), SendAsync("last")];
        }

        Assert.Equal(1, (await deliveries[0]).Accepted);
        Assert.Equal("22000", (await Assert.ThrowsAsync<PostgresException>(() => deliveries[1])).SqlState);
        await Assert.ThrowsAsync<TenantBusyException>(() => deliveries[2]);
        Assert.Equal(1, (await deliveries[3]).Accepted);

        Task<IngestReply> SendAsync(string user) => record.RunAsync(
            tenant.Id, [ReadUsage.Parse(UsageFormat.Event, System.Text.Json.JsonSerializer.Serialize(Deliveries.Event(user, Now, user: user)))], default);
    }
}
