namespace ControlPlane.Provisioning;

/// <summary>The step <c>database</c>: a login role that owns two schemas, Open WebUI's and the gateway's, and has no other rights.</summary>
public sealed class TenantDatabase(ControlDatabase database, ISecretStore secrets)
{
    /// <summary>Enough for the pools of Open WebUI and the gateway, and their migrations.</summary>
    const int ConnectionLimit = 20;

    public async Task<string> CreateAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var password = (await secrets.ReadAsync(environment.Tenant, ct)).Require(SecretNames.DatabasePassword);
        var role = Quote(environment.DatabaseRole);
        await using var transaction = await database.BeginProvisioningAsync(ct);
        if (!await ExistsAsync(transaction, environment, ct))
        {
            // Membership allows us to create schemas owned by the role. From PostgreSQL 16 on, having created the role is not enough.
            await transaction.ExecuteAsync($"create role {role} nologin", ct);
            await transaction.ExecuteAsync($"comment on role {role} is '{RoleComment(environment)}'", ct);
            await transaction.ExecuteAsync($"grant {role} to current_user", ct);
        }

        await transaction.ExecuteAsync($"alter role {role} login connection limit {ConnectionLimit} password '{ScramVerifier.Of(password)}'", ct);
        await transaction.ExecuteAsync($"create schema if not exists {role} authorization {role}", ct);
        await transaction.ExecuteAsync($"create schema if not exists {Quote(environment.GatewaySchema)} authorization {role}", ct);
        var name = await transaction.ScalarAsync<string>("select current_database()", ct);
        await transaction.ExecuteAsync($"alter role {role} in database {Quote(name!)} set search_path = {role}", ct);
        await transaction.CommitAsync(ct);
        return $"role and schema {environment.DatabaseRole}";
    }

    public async Task<string> RemoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var role = Quote(environment.DatabaseRole);
        await using (var closing = await database.BeginProvisioningAsync(ct))
        {
            if (!await ExistsAsync(closing, environment, ct))
            {
                return "no role or schema";
            }

            await closing.ExecuteAsync($"alter role {role} nologin", ct);
            await closing.CommitAsync(ct);
        }

        // New connections are refused from now on; open ones are terminated.
        await using var transaction = await database.BeginProvisioningAsync(ct);
        await transaction.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", ct, environment.DatabaseRole);
        await transaction.ExecuteAsync($"drop schema if exists {role}, {Quote(environment.GatewaySchema)} cascade", ct);
        await transaction.ExecuteAsync($"drop owned by {role}", ct);
        await transaction.ExecuteAsync($"drop role {role}", ct);
        await transaction.CommitAsync(ct);
        return $"role and schema {environment.DatabaseRole} dropped";
    }

    // Roles belong to the whole server. A role of this name may be another installation's: it is neither taken over nor dropped.
    static async Task<bool> ExistsAsync(Transaction transaction, TenantEnvironment environment, CancellationToken ct)
    {
        var found = await transaction.FirstAsync(
            "select coalesce(shobj_description(oid, 'pg_authid'), '') from pg_roles where rolname = $1", row => row.GetString(0), ct,
            environment.DatabaseRole);
        return found is null || found == RoleComment(environment)
            ? found is not null
            : throw new StepFailedException(
                $"The database server already has a role {environment.DatabaseRole} that is not this tenant's: rename or drop it, then retry.");
    }

    static string RoleComment(TenantEnvironment environment) => $"environment of tenant {environment.Tenant}";

    static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
