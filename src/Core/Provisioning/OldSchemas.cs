using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// The role and the two schemas in the control plane's database that an environment had in releases up to 0.2. They are copied to the environment's own database,
/// kept until the environment is ready there, and dropped by a later run of the job.
/// </summary>
public sealed class OldSchemas(ControlDatabase database, CopySchema copy, ControlPlaneOptions options, Clock clock, ILogger<OldSchemas> log)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Queues a run for each environment that has to be moved, and drops the schemas of those that were. Repeating it is free.</summary>
    public async Task CleanUpAsync(CancellationToken ct)
    {
        List<OldEnvironment> found;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            found = await transaction.QueryAsync(Ready, row => new OldEnvironment(row.GetGuid(0), row.GetString(1), row.GetBoolean(2)), ct);
        }

        foreach (var (tenant, slug, isMoved) in found)
        {
            try
            {
                await (isMoved ? DropAsync(tenant, slug, ct) : QueueMoveAsync(tenant, slug, ct));
            }
            catch (PostgresException e)
            {
                // Others must not wait for this one.
                log.LogError(e, "Tenant {Tenant}: the former schemas in the control plane's database could not be moved or dropped", tenant);
            }
        }
    }

    /// <summary>Copies the schemas, unless they have been copied before. A copy that was interrupted starts again.</summary>
    /// <returns>False when there was nothing to move.</returns>
    /// <exception cref="StepFailedException">The copy failed. The environment continues to use the old schemas.</exception>
    public async Task<bool> MoveAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, Lease lease, CancellationToken ct)
    {
        if (environment.IsMoved || !await ExistsAsync(environment.Tenant, environment.Slug, ct))
        {
            return false;
        }

        var tools = await copy.FindToolsAsync(ct);
        var role = RoleOf(environment.Slug);
        // From now on nothing is written there that the copy would miss.
        await AllowLoginAsync(role, allow: false, ct);
        try
        {
            await copy.RunAsync(
                tools, new(role, role, environment.DatabaseName, TenantEnvironment.WebuiSchema, environment.WebuiLogin),
                secrets.Require(SecretNames.DatabasePassword), ct);
            await copy.RunAsync(
                tools, new($"{role}_litellm", role, environment.DatabaseName, TenantEnvironment.GatewaySchema, environment.GatewayLogin),
                secrets.Require(SecretNames.GatewayDatabasePassword), ct);
            await lease.WriteAsync(
                transaction => transaction.ExecuteAsync("update control.environment set moved_at = $2 where tenant_id = $1", ct, environment.Tenant, clock.GetUtcNow()), ct);
        }
        catch
        {
            await AllowLoginAsync(role, allow: true, CancellationToken.None);
            throw;
        }

        return true;
    }

    /// <summary>Drops the role and its schemas, if they still exist.</summary>
    public async Task DropAsync(Guid tenant, string slug, CancellationToken ct)
    {
        // Of several workers one drops; the others wait and find nothing.
        await using var one = await database.BeginJobAsync(ct);
        await one.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        if (!await ExistsAsync(tenant, slug, ct))
        {
            return;
        }

        var name = RoleOf(slug);
        await AllowLoginAsync(name, allow: false, ct);
        await copy.RemoveReaderAsync(name, ct);
        var role = Quote(name);
        await using var transaction = await database.BeginProvisioningAsync(ct);
        await transaction.ExecuteAsync($"drop schema if exists {role}, {Quote($"{name}_litellm")} cascade", ct);
        await transaction.ExecuteAsync($"drop owned by {role}", ct);
        await transaction.ExecuteAsync($"drop role {role}", ct);
        await transaction.CommitAsync(ct);
    }

    async Task QueueMoveAsync(Guid tenant, string slug, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.QueueProvisioningAsync(clock, options, tenant, slug, RunKinds.Provision, ct);
        await transaction.CommitAsync(ct);
    }

    static string RoleOf(string slug) => $"tenant_{slug}";

    // Roles belong to the whole server: one without this comment is another installation's.
    async Task<bool> ExistsAsync(Guid tenant, string slug, CancellationToken ct)
    {
        await using var transaction = await database.BeginProvisioningAsync(ct);
        return await transaction.ScalarAsync<bool>(Exists, ct, RoleOf(slug), $"environment of tenant {tenant}");
    }

    async Task AllowLoginAsync(string role, bool allow, CancellationToken ct)
    {
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            await transaction.ExecuteAsync($"alter role {Quote(role)} {(allow ? "login" : "nologin")}", ct);
            await transaction.CommitAsync(ct);
        }

        if (!allow)
        {
            await using var transaction = await database.BeginProvisioningAsync(ct);
            await transaction.ExecuteAsync(Terminate, ct, role, (int)TerminationTimeout.TotalMilliseconds);
        }
    }

    static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    sealed record OldEnvironment(Guid Tenant, string Slug, bool IsMoved);

    const string Exists = "select exists (select from pg_roles where rolname = $1 and shobj_description(oid, 'pg_authid') = $2)";

    const string Terminate = "select pg_terminate_backend(pid, $2) from pg_stat_activity where usename = $1";

    const string Ready = """
        select t.id, t.slug, e.moved_at is not null
        from control.environment e
        join control.tenant t on t.id = e.tenant_id
        join pg_roles r on r.rolname = 'tenant_' || t.slug and shobj_description(r.oid, 'pg_authid') = 'environment of tenant ' || t.id
        where e.state = 'ready'
        """;
}
