using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

/// <summary>
/// Ends transactions of environments that are idle or run for too long: they keep the whole server from removing dead rows. The logins' own timeouts do the
/// same sooner, but an environment's administrator can switch those off.
/// </summary>
public sealed class EndLongTransactions(ControlDatabase database, ProvisioningOptions options, ILogger<EndLongTransactions> log)
{
    /// <returns>How many were ended, with their connections.</returns>
    public async Task<int> RunAsync(CancellationToken ct)
    {
        string[] logins;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            logins = [.. await transaction.QueryAsync(Logins, row => row.GetString(0), ct)];
        }

        await using var provisioning = await database.BeginProvisioningAsync(ct);
        var ended = await provisioning.QueryAsync(
            End, row => (Login: row.GetString(0), State: row.GetString(1)), ct, logins, options.IdleTransactionLimit, options.TransactionLimit);
        foreach (var (login, state) in ended)
        {
            log.LogWarning("Ended a transaction of {Login} that was {State} for too long", login, state);
        }

        return ended.Count;
    }

    // The last is that of an environment which has not been moved to its own database yet. While data is moved there, the environment's login restores it in a
    // transaction of any length.
    const string Logins = """
        select unnest(array[e.database_name, e.database_name || '_gateway', 'tenant_' || t.slug])
        from control.environment e join control.tenant t on t.id = e.tenant_id
        where e.state <> 'deleted' and not exists (
            select from control.provisioning_run r join control.provisioning_step s on s.run_id = r.id
            where r.tenant_id = e.tenant_id and r.state = 'running' and s.name = 'database' and s.state = 'running')
        """;

    // Materialized, because conditions are evaluated in any order. The provisioning role is a member of the environments' logins, so it may end their sessions.
    const string End = """
        with too_long as materialized (
            select pid, usename::text as login, state from pg_stat_activity
            where usename = any ($1) and pg_has_role(usesysid, 'usage')
              and ((state like 'idle in transaction%' and state_change < clock_timestamp() - $2) or xact_start < clock_timestamp() - $3))
        select login, state from too_long where pg_terminate_backend(pid)
        """;
}
