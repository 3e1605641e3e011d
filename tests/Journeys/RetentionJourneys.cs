using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>What is older than its retention is deleted; invoices, bookings, sums of usage and the audit log stay whatever is set.</summary>
public class RetentionJourneys
{
    static readonly DateTimeOffset Start = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    static readonly KeyValuePair<string, string?> Shortest =
        new("CONTROLPLANE_RETENTION", string.Join(',', RetentionClasses.All.Select(data => $"{data.Name}={data.MinimumDays}d")));

    static readonly string[] Kept = ["audit_log", "invoice", "invoice_line", "invoice_pdf", "billing_period", "usage_counter", "usage_day", "daily_usage"];

    [Fact]
    public async Task With_the_shortest_retention_of_all_classes_accounting_stays_complete()
    {
        await using var server = await TestServer.StartAsync(clock: Start, settings: [Shortest]);
        var tenant = await server.CreateReadyTenantAsync();
        Assert.True((await tenant.AuthorizeAsync(1_000)).Allow);
        await server.ReportAsync(tenant, Deliveries.Event("e1", Start, 1_200_000, 0), new { id = "broken" }).CountsAsync();
        await server.JumpAsync(Start.AddDays(40), "billing", "payments", "nightly");
        await server.MailsAsync();
        await LeaveTracesAsync(server, tenant);
        var before = await SnapshotAsync(server);

        var now = Start.AddDays(300);
        await server.JumpAsync(now, "billing", "nightly", "retention");

        // Every row that was there is still there, unchanged.
        var after = await SnapshotAsync(server);
        Assert.All(before, table => Assert.Empty(table.Value.Except(after[table.Key])));
        Assert.Equal(1_200_000, await tenant.TokensAsync("2026-01-01", "2026-02-01"));
        foreach (var expired in (string[])
        [
            "tenant_key where revoked_at is not null", "reservation", "authorization_answer", "quarantine", "quarantine_batch", "usage_event",
            "outbox where created_at < $1 - interval '3 days'", "job_run where job = 'nightly' and started_at < $1 - interval '7 days'",
        ])
        {
            Assert.True(await server.ReadAsync<long>($"select count(*) from control.{expired.Replace("$1", $"timestamptz '{now:O}'", StringComparison.Ordinal)}") == 0, expired);
        }

        // The newest run is the environment's status.
        Assert.Equal(1, await server.ReadAsync<long>("select count(*) from control.provisioning_run"));
        Assert.Equal("ready", (await (await tenant.Http.GetAsync("/v1/environment")).ReadAsync()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task The_roles_have_no_right_to_delete_what_must_stay()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var table in Kept.Except(["daily_usage"]).Append("usage_event"))
        {
            foreach (var role in (string[])["control_app", "control_job"])
            {
                Assert.False(await server.ReadAsync<bool>("select has_table_privilege($1::name, 'control.' || $2, 'delete, truncate')", role, table), $"{role} may delete from {table}");
            }
        }
    }

    [Fact]
    public async Task A_month_is_detached_only_after_all_of_its_events_are_invoiced_and_its_events_cannot_be_replayed_then()
    {
        await using var server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_RETENTION", "usage=180d")]);
        var tenant = await server.CreateTenantAsync();
        await server.ReportAsync(tenant, Deliveries.Event("e1", Start)).CountsAsync();
        await server.ReportAsync(tenant, Deliveries.Event("old", Start.AddDays(-40))).CountsAsync();
        await server.JumpAsync(Start.AddDays(230));

        // The job billing has not run.
        var waiting = await server.RunJobAsync("retention");
        Assert.Equal(0, waiting.GetProperty("counts").GetProperty("usage_months").GetInt64());
        Assert.Contains("2026-01 are older than their retention, but not all of them are invoiced", waiting.GetProperty("alerts").ToString(), StringComparison.Ordinal);

        await server.RunJobAsync("billing");
        Assert.True((await server.RunJobAsync("retention")).GetProperty("counts").GetProperty("usage_months").GetInt64() > 0);
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.usage_event where id = 'e1'"));
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            Assert.Equal(1L, await owner.ScalarAsync<long>("select count(*) from control.usage_event_2026_01", default));
        }

        Assert.Equal(System.Net.HttpStatusCode.Conflict, (await server.Operator.PostAsync(
            $"/v1/admin/quarantine/{await server.ReadAsync<Guid>("select id from control.quarantine")}/replay", null)).StatusCode);
    }

    [Fact]
    public async Task A_month_is_detached_by_a_later_run_while_a_tenants_usage_is_counted_or_invoiced()
    {
        await using var server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_RETENTION", "usage=180d")]);
        var (tenant, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await server.ReportAsync(tenant, Deliveries.Event("e1", Start)).CountsAsync();
        await server.JumpAsync(Start.AddDays(230), "billing");
        await using (var invoicing = await server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, other.Id);
            await invoicing.ScalarAsync<long>("select count(*) from control.usage_event where tenant_id = $1", default, other.Id);
            var counts = (await server.RunJobAsync("retention")).GetProperty("counts");
            Assert.Equal((0, 1), (counts.GetProperty("usage_months").GetInt64(), counts.GetProperty("usage_months_postponed").GetInt64()));
            Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event("e2", Start.AddDays(230))).CountsAsync()).Accepted);
        }

        Assert.True((await server.RunJobAsync("retention")).GetProperty("counts").GetProperty("usage_months").GetInt64() > 0);
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.usage_event where id = 'e1'"));
    }

    [Fact]
    public async Task A_month_waits_only_for_the_invoices_of_tenants_with_events_in_it()
    {
        await using var server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_RETENTION", "usage=180d")]);
        var (tenant, stuck) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await server.ReportAsync(tenant, Deliveries.Event("e1", Start)).CountsAsync();
        await server.JumpAsync(Start.AddDays(50));
        await server.ReportAsync(stuck, Deliveries.Event("e2", Start.AddDays(50))).CountsAsync();
        await server.JumpAsync(Start.AddDays(270), "billing");
        // As if its first period could not be closed.
        await server.SqlAsync("update control.subscription set open_period = 1 where tenant_id = $1", stuck.Id);

        var report = await server.RunJobAsync("retention");

        Task<bool> IsAttachedAsync(string month) => server.ReadAsync<bool>(
            "select exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relname = 'usage_event_' || $1)", month);
        Assert.Equal((false, true), (await IsAttachedAsync("2026_01"), await IsAttachedAsync("2026_03")));
        Assert.Contains("2026-03 are older than their retention", report.GetProperty("alerts").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_are_deleted_in_pieces_and_a_table_that_cannot_be_purged_fails_alone()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync(
            "insert into control.webhook_delivery (id, tenant_id, type, payload, created_at) select gen_random_uuid(), $1, 'test', '{}', now() - make_interval(days => 29 + n % 2 * 2) from generate_series(1, 4500) n",
            tenant.Id);

        var report = await server.Services.GetRequiredService<RunPurges>().RunAsync(
            [new(RetentionClasses.Mail, "broken", "delete from control.no_such_table where $1::timestamptz < now() and $2::int > 0"), .. NotificationRetention.Purges], default);

        Assert.Equal(2_250, report.Counts["webhooks"]);
        Assert.Equal(2_250, await server.ReadAsync<long>("select count(*) from control.webhook_delivery"));
        Assert.StartsWith("Could not delete expired broken", Assert.Single(report.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_leaves_expired_rows_fails_so_that_it_is_repeated_and_purges_the_other_tables_all_the_same()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync(
            "insert into control.authorization_answer (tenant_id, request_id, answer, answered_at) select $1, n::text, '{}', now() - make_interval(days => 3) from generate_series(1, 2500) n",
            tenant.Id);
        await server.SqlAsync(
            "insert into control.webhook_delivery (id, tenant_id, type, payload, created_at) select gen_random_uuid(), $1, 'test', '{}', now() - make_interval(days => 31) from generate_series(1, 10) n",
            tenant.Id);
        var purges = server.Services.GetRequiredService<RunPurges>();

        var report = await purges.RunAsync([.. LimitRetention.Purges, .. NotificationRetention.Purges], default, TimeSpan.Zero);
        Assert.Equal((1_000, 10), (report.Counts["authorizations"], report.Counts["webhooks"]));
        Assert.StartsWith("There are more expired authorizations", Assert.Single(report.Failures), StringComparison.Ordinal);

        report = await purges.RunAsync(LimitRetention.Purges, default);
        Assert.Equal(1_500, report.Counts["authorizations"]);
        Assert.Empty(report.Failures);
    }

    [Theory]
    [InlineData("authorizations", "insert into control.authorization_answer (tenant_id, request_id, answer, answered_at) select $1, gen_random_uuid()::text, '{}', $2 from generate_series(1, $3)")]
    [InlineData("reservations", "insert into control.reservation (id, tenant_id, user_id, tokens, quantity, day, period_start, expires_at, state) select gen_random_uuid(), $1, 'u', 1, 0, '2026-01-01', '2026-01-01', $2, 'expired' from generate_series(1, $3)")]
    [InlineData("webhooks", "insert into control.webhook_delivery (id, tenant_id, type, payload, created_at) select gen_random_uuid(), $1, 'test', '{}', $2 from generate_series(1, $3)")]
    public async Task A_tenants_rows_are_deleted_in_their_turn_however_many_another_one_adds(string counter, string insert)
    {
        await using var server = await TestServer.StartAsync();
        var (busy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        var expired = server.Clock.Wall.AddDays(-60);
        await server.SqlAsync(insert, busy.Id, expired, 2_500);
        await server.SqlAsync(insert, other.Id, expired.AddHours(1), 5);
        var table = insert.Split(' ')[2];

        for (var run = 1; run <= 3; run++)
        {
            await server.SqlAsync(insert, busy.Id, expired.AddHours(1 + run), 2_000);
            var report = await server.Services.GetRequiredService<RunPurges>().RunAsync([.. LimitRetention.Purges, .. NotificationRetention.Purges], default, TimeSpan.Zero);
            Assert.Equal(1_000, report.Counts[counter]);
        }

        Assert.Equal(0, await server.ReadAsync<long>($"select count(*) from {table} where tenant_id = $1", other.Id));
        Assert.Equal(2_500 + 6_000 + 5 - 3_000, await server.ReadAsync<long>($"select count(*) from {table} where tenant_id = $1", busy.Id));
    }

    [Fact]
    public async Task An_invalid_retention_stops_the_start_with_a_message()
    {
        var error = await Assert.ThrowsAsync<SettingException>(() => TestServer.StartAsync(settings: [new("CONTROLPLANE_RETENTION", "invoices=1d")]));
        Assert.StartsWith("CONTROLPLANE_RETENTION: there is no class \"invoices\"", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Leaves a revoked key, discarded events and finished provisioning runs.</summary>
    static async Task LeaveTracesAsync(TestServer server, TestTenant tenant)
    {
        await server.Operator.PostAsJsonAsync("/v1/admin/quarantine/batches", new { action = "discard", code = "malformed", reason = "test data" });
        await server.RunJobAsync("quarantine");
        var key = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "old" })).ReadAsync();
        Assert.True((await tenant.Http.DeleteAsync($"/v1/keys/{key.GetProperty("id").GetString()}")).IsSuccessStatusCode);
        for (var restart = 0; restart < 2; restart++)
        {
            Assert.True((await tenant.Http.PostAsync("/v1/environment/restart", null)).IsSuccessStatusCode);
            await server.RunJobAsync("provision");
        }
    }

    // The rows as text. Later ones may be added.
    static async Task<Dictionary<string, List<string>>> SnapshotAsync(TestServer server)
    {
        var rows = new Dictionary<string, List<string>>();
        await using var transaction = await server.Database.BeginJobAsync(default);
        foreach (var table in Kept)
        {
            rows[table] = await transaction.QueryAsync($"select t::text from control.{table} t", row => row.GetString(0), default);
        }

        return rows;
    }
}
