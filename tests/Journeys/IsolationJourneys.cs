using Npgsql;

namespace ControlPlane.Tests;

/// <summary>The database itself isolates tenants, whatever the code asks for.</summary>
public class IsolationJourneys
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact, Trait("Category", "Quick")]
    public async Task A_query_for_another_tenant_reads_and_writes_nothing()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var victim = await server.CreateTenantAsync();
        var attacker = await server.CreateTenantAsync();
        await server.ReportAsync(victim, Deliveries.Event("e1", Now), new { id = "broken" });

        var tables = await TenantTablesAsync(server);
        Assert.Contains("usage_event", tables.Select(t => t.Table));
        foreach (var (table, column) in tables)
        {
            await using var transaction = await server.Database.BeginAsync(attacker.Id, default);
            Assert.Equal(0, await CountOrDenied(transaction, $"select count(*) from control.{table} where {column} = $1", victim.Id));
            Assert.Equal(0, await CountOrDenied(transaction, $"with w as (update control.{table} set {column} = {column} where {column} = $1 returning 1) select count(*) from w", victim.Id));
            Assert.Equal(0, await CountOrDenied(transaction, $"with w as (delete from control.{table} where {column} = $1 returning 1) select count(*) from w", victim.Id));
        }
    }

    [Fact]
    public async Task A_row_cannot_be_written_for_another_tenant()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var victim = await server.CreateTenantAsync();
        var attacker = await server.CreateTenantAsync();

        await using var transaction = await server.Database.BeginAsync(attacker.Id, default);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => transaction.ExecuteAsync(
            "insert into control.usage_counter values ($1, '2026-01-01', 'm', 'u', 1, 1, 1, 0)", default, victim.Id));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact, Trait("Category", "Quick")]
    public async Task Every_table_with_a_tenant_has_forced_row_level_security()
    {
        await using var server = await TestServer.StartAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        Assert.Empty(await owner.QueryAsync(
            """
            select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = 'control'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
              and (a.attname = 'tenant_id' or c.relname = 'tenant') and not a.attisdropped and not (c.relrowsecurity and c.relforcerowsecurity)
            """,
            row => row.GetString(0), default));
    }

    [Fact]
    public async Task A_query_without_a_tenant_fails()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateTenantAsync();
        await using var transaction = await server.Database.BeginAnonymousAsync(default);
        await Assert.ThrowsAsync<PostgresException>(() => transaction.ScalarAsync<long>("select count(*) from control.tenant", default));
    }

    [Theory]
    [InlineData("control_app")]
    [InlineData("control_job")]
    [InlineData("control_provision")]
    public async Task The_roles_own_nothing_and_cannot_bypass_row_level_security(string role)
    {
        await using var server = await TestServer.StartAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        Assert.Equal(0, await owner.ScalarAsync<long>("select count(*) from pg_class where relowner = $1::text::regrole", default, role));
        Assert.False(await owner.ScalarAsync<bool>("select rolsuper or rolbypassrls from pg_roles where rolname = $1", default, role));
    }

    [Fact]
    public async Task The_audit_log_cannot_be_changed_by_anyone()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateTenantAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        Assert.True(await owner.ScalarAsync<long>("select count(*) from control.audit_log", default) > 0);
        foreach (var change in new[] { "update control.audit_log set actor = 'x'", "delete from control.audit_log", "truncate control.audit_log" })
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => owner.ExecuteAsync(change, default));
            Assert.Equal("23001", refused.SqlState);
        }
    }

    [Fact]
    public async Task A_key_of_one_tenant_reads_nothing_of_another()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var victim = await server.CreateTenantAsync();
        var attacker = await server.CreateTenantAsync();
        await server.ReportAsync(victim, Deliveries.Event("e1", Now));

        Assert.Equal(150, await victim.TokensAsync("2026-01-01", "2026-02-01"));
        Assert.Equal(0, await attacker.TokensAsync("2026-01-01", "2026-02-01"));
    }

    static async Task<List<(string Table, string Column)>> TenantTablesAsync(TestServer server)
    {
        await using var owner = await server.Database.OpenOwnerAsync(default);
        return await owner.QueryAsync(
            """
            select c.relname, case c.relname when 'tenant' then 'id' else 'tenant_id' end from pg_class c
            where c.relnamespace = 'control'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
              and (c.relname = 'tenant' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))
            """,
            row => (row.GetString(0), row.GetString(1)), default);
    }

    // Lacking the privilege is as good as seeing no row.
    static async Task<long> CountOrDenied(Transaction transaction, string sql, Guid tenant)
    {
        await transaction.ExecuteAsync("savepoint before", default);
        try
        {
            return await transaction.ScalarAsync<long>(sql, default, tenant);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            await transaction.ExecuteAsync("rollback to savepoint before", default);
            return 0;
        }
    }
}
