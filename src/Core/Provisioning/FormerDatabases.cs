using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// What environments of earlier releases have on the control plane's server: up to 0.2 a role with two schemas in the control plane's database, later a database
/// with two logins. Their data is copied to the environment's own server, kept until the environment is ready there, and dropped by a later run of the job.
/// </summary>
public sealed class FormerDatabases(
    ControlDatabase database, CopySchema copy, IDataPlane dataPlane, ControlPlaneOptions options, ProvisioningOptions provisioning, Clock clock,
    ILogger<FormerDatabases> log)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Queues a run for each environment that has to be moved, and drops what is left of those that were. Repeating it is free.</summary>
    public async Task CleanUpAsync(CancellationToken ct)
    {
        if (!CanMove)
        {
            return;
        }

        List<FormerDatabase> found;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            found = await transaction.QueryAsync($"{Select} and e.state = 'ready'", Read, ct);
        }

        foreach (var former in found)
        {
            try
            {
                await (former.IsMoved ? DropAsync(former.Tenant, ct) : QueueMoveAsync(former, ct));
            }
            catch (PostgresException e)
            {
                // Others must not wait for this one.
                log.LogError(e, "Tenant {Tenant}: its former database on the control plane's server could not be moved or dropped", former.Tenant);
            }
        }
    }

    /// <summary>Copies the schemas, unless they have been copied before. A copy that was interrupted starts again.</summary>
    /// <returns>A note for the operator; empty when there was nothing to move.</returns>
    /// <exception cref="StepFailedException">The copy failed. The environment continues to use the old schemas until the next attempt, and is stopped after the last one.</exception>
    public async Task<string> MoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var former = await FindAsync(environment.Tenant, ct);
        if (former is null or { IsMoved: true })
        {
            return "";
        }

        if (!CanMove)
        {
            return "; its data is still on the control plane's database server: see docs/operations.md";
        }

        var dumpProgram = await copy.FindDumpProgramAsync(ct);
        // From now on nothing is written there that the copy would miss.
        await AllowLoginsAsync(former, allow: false, ct);
        try
        {
            foreach (var schema in former.Schemas)
            {
                await copy.RunAsync(dumpProgram, environment, schema, ct);
            }

            await lease.WriteAsync(
                transaction => transaction.ExecuteAsync("update control.environment set own_server_at = $2 where tenant_id = $1", ct, environment.Tenant, clock.GetUtcNow()), ct);
        }
        catch when (!ct.IsCancellationRequested && provisioning.DelayAfter(lease.Run.Attempts + 1) is not null)
        {
            // A worker that has lost its lease leaves the logins closed: the next worker may be copying already.
            await AllowLoginsAsync(former, allow: true, CancellationToken.None);
            throw;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // What a tenant has stored can make every copy fail, so that it would keep a login on the control plane's server, and its network the server.
            await dataPlane.StopAsync(environment, ct);
            throw new StepFailedException($"The environment is stopped until its data is moved: fix the cause, then retry. {e.Message}", e);
        }

        return ", data moved to it";
    }

    /// <summary>Drops the schemas, the database and the logins, if they still exist.</summary>
    /// <returns>False when there was nothing to drop.</returns>
    public async Task<bool> DropAsync(Guid tenant, CancellationToken ct)
    {
        // Of several workers one drops; the others wait and find nothing.
        await using var one = await database.BeginJobAsync(ct);
        await one.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        if (await FindAsync(tenant, ct) is not { } former)
        {
            return false;
        }

        await AllowLoginsAsync(former, allow: false, ct);
        foreach (var login in former.Logins)
        {
            await copy.RemoveReaderAsync(login, ct);
        }

        // New connections are refused from now on; open ones are terminated.
        await database.ExecuteProvisioningAsync($"drop database if exists {former.Name} with (force)", ct);
        await using var transaction = await database.BeginProvisioningAsync(ct);
        if (former.HasRole)
        {
            await transaction.ExecuteAsync($"drop schema if exists {Quote(former.Role)}, {Quote($"{former.Role}_litellm")} cascade", ct);
        }

        foreach (var login in former.Logins.Select(Quote))
        {
            await transaction.ExecuteAsync($"drop owned by {login}", ct);
            await transaction.ExecuteAsync($"drop role {login}", ct);
        }

        await transaction.CommitAsync(ct);
        return true;
    }

    // Where environments are only rendered, their operator starts and moves them.
    bool CanMove => dataPlane.Ready != IDataPlane.Rendered;

    async Task QueueMoveAsync(FormerDatabase former, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.QueueProvisioningAsync(clock, options, former.Tenant, former.Slug, RunKinds.Provision, ct);
        await transaction.CommitAsync(ct);
    }

    async Task<FormerDatabase?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync($"{Select} and e.tenant_id = $1", Read, ct, tenant);
    }

    async Task AllowLoginsAsync(FormerDatabase former, bool allow, CancellationToken ct)
    {
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            foreach (var login in former.Logins)
            {
                await transaction.ExecuteAsync($"alter role {Quote(login)} {(allow ? "login" : "nologin")}", ct);
            }

            await transaction.CommitAsync(ct);
        }

        if (!allow)
        {
            await using var transaction = await database.BeginProvisioningAsync(ct);
            await transaction.ExecuteAsync(Terminate, ct, former.Logins.ToArray(), (int)TerminationTimeout.TotalMilliseconds);
        }
    }

    static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    static FormerDatabase Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetBoolean(4), row.GetBoolean(5), row.GetFieldValue<string[]>(6));

    /// <param name="Name">Of the database and of Open WebUI's login; the gateway's has the suffix <c>_gateway</c>.</param>
    /// <param name="HasDatabase">The database exists and accepts connections.</param>
    /// <param name="IsInDatabase">The schemas of a release up to 0.2 were copied to the database.</param>
    /// <param name="IsMoved">Everything was copied to the environment's own server.</param>
    /// <param name="Logins">Those that exist.</param>
    sealed record FormerDatabase(Guid Tenant, string Slug, string Name, bool HasDatabase, bool IsInDatabase, bool IsMoved, IReadOnlyList<string> Logins)
    {
        public string Role => $"tenant_{Slug}";

        public bool HasRole => Logins.Contains(Role);

        /// <summary>Where the environment's data is.</summary>
        public IReadOnlyList<FormerSchema> Schemas =>
            HasRole && !IsInDatabase ? [new(null, Role, Role, TenantEnvironment.WebuiSchema), new(null, $"{Role}_litellm", Role, TenantEnvironment.GatewaySchema)]
            : HasDatabase ? [new(Name, TenantEnvironment.WebuiSchema, Name, TenantEnvironment.WebuiSchema), new(Name, TenantEnvironment.GatewaySchema, $"{Name}_gateway", TenantEnvironment.GatewaySchema)]
            : [];
    }

    const string Terminate = "select pg_terminate_backend(pid, $2) from pg_stat_activity where usename = any ($1)";

    // Roles belong to the whole server: an old one without this comment is another installation's. The names of databases are random.
    const string Select = """
        select e.tenant_id, t.slug, e.database_name, coalesce(d.datallowconn, false), e.moved_at is not null, e.own_server_at is not null,
               array_remove(array[old.rolname, webui.rolname, gateway.rolname]::text[], null)
        from control.environment e
        join control.tenant t on t.id = e.tenant_id
        left join pg_database d on d.datname = e.database_name
        left join pg_roles old on old.rolname = 'tenant_' || t.slug and shobj_description(old.oid, 'pg_authid') = 'environment of tenant ' || t.id
        left join pg_roles webui on webui.rolname = e.database_name
        left join pg_roles gateway on gateway.rolname = e.database_name || '_gateway'
        where coalesce(d.oid, old.oid, webui.oid, gateway.oid) is not null
        """;
}
