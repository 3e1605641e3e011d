using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// The step <c>database</c>: a database of the environment's own with a schema and a login for Open WebUI and another for the gateway. The logins can connect to
/// this database only, so that no lock, notification or long transaction of theirs concerns anyone else (docs/decisions/0025).
/// </summary>
public sealed class TenantDatabase(ControlDatabase database, ISecretStore secrets, OldSchemas oldSchemas)
{
    /// <summary>For a pool of 8 (<c>OpenWebuiSettings</c>), migrations at start, and one administrator.</summary>
    const int WebuiConnections = 12;

    /// <summary>For a pool of 5 (<c>LitellmConfig</c>) and migrations at start.</summary>
    const int GatewayConnections = 8;

    /// <summary>The server's connections that one environment may use at the same time.</summary>
    public const int ConnectionsPerEnvironment = WebuiConnections + GatewayConnections;

    /// <exception cref="StepFailedException">The server's settings or rights are not as needed; the message says what to do.</exception>
    public async Task<string> CreateAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var passwords = await secrets.ReadAsync(environment.Tenant, ct);
        var (name, webui, gateway) = (environment.DatabaseName, environment.WebuiLogin, environment.GatewayLogin);
        // Before the transaction begins: hashing is slow on purpose.
        var webuiVerifier = ScramVerifier.Of(passwords.Require(SecretNames.DatabasePassword));
        var gatewayVerifier = ScramVerifier.Of(passwords.Require(SecretNames.GatewayDatabasePassword));
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            await CreateLoginAsync(transaction, webui, TenantEnvironment.WebuiSchema, WebuiConnections, webuiVerifier, ct);
            await CreateLoginAsync(transaction, gateway, TenantEnvironment.GatewaySchema, GatewayConnections, gatewayVerifier, ct);
            await transaction.CommitAsync(ct);
        }

        await CreateDatabaseAsync(name, ct);
        string reachable;
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            // The session's own login may inherit no rights: those of the functions do not.
            await transaction.ExecuteAsync($"revoke all on database {name} from public", ct);
            await transaction.ExecuteAsync($"grant connect on database {name} to {webui}, {gateway}, session_user", ct);
            await transaction.ExecuteAsync($"alter database {name} allow_connections true", ct);
            reachable = await CheckConnectAsync(transaction, environment, ct);
            await transaction.CommitAsync(ct);
        }

        await using (var transaction = await database.BeginProvisioningAsync(name, ct))
        {
            await transaction.ExecuteAsync($"create schema if not exists {TenantEnvironment.WebuiSchema} authorization {webui}", ct);
            await transaction.ExecuteAsync($"create schema if not exists {TenantEnvironment.GatewaySchema} authorization {gateway}", ct);
            await transaction.CommitAsync(ct);
        }

        var moved = await oldSchemas.MoveAsync(environment, passwords, lease, ct);
        return $"database {name}{(moved ? ", data moved to it" : "")}{reachable}";
    }

    public async Task<string> RemoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        await using (var closing = await database.BeginProvisioningAsync(ct))
        {
            foreach (var login in await ExistingLoginsAsync(closing, environment, ct))
            {
                await closing.ExecuteAsync($"alter role {login} nologin", ct);
            }

            await closing.CommitAsync(ct);
        }

        // New connections are refused from now on; open ones are terminated.
        await database.ExecuteProvisioningAsync($"drop database if exists {environment.DatabaseName} with (force)", ct);
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            await transaction.ExecuteAsync($"drop role if exists {environment.WebuiLogin}, {environment.GatewayLogin}", ct);
            await transaction.CommitAsync(ct);
        }

        await oldSchemas.DropAsync(environment.Tenant, environment.Slug, ct);
        return $"database {environment.DatabaseName} dropped";
    }

    static async Task CreateLoginAsync(Transaction transaction, string login, string schema, int connections, string verifier, CancellationToken ct)
    {
        if (!await transaction.ScalarAsync<bool>("select exists (select from pg_roles where rolname = $1)", ct, login))
        {
            // Membership allows us to create a schema owned by the role. From PostgreSQL 16 on, having created the role is not enough.
            await transaction.ExecuteAsync($"create role {login} nologin", ct);
            await transaction.ExecuteAsync($"grant {login} to current_user", ct);
        }

        await transaction.ExecuteAsync($"alter role {login} login connection limit {connections} password '{verifier}'", ct);
        await transaction.ExecuteAsync($"alter role {login} set search_path = {schema}", ct);
        // A client can change these, so EndLongTransactions enforces limits of its own.
        await transaction.ExecuteAsync($"alter role {login} set statement_timeout = '15min'", ct);
        await transaction.ExecuteAsync($"alter role {login} set idle_in_transaction_session_timeout = '1min'", ct);
    }

    async Task CreateDatabaseAsync(string name, CancellationToken ct)
    {
        await using (var transaction = await database.BeginProvisioningAsync(ct))
        {
            if (await transaction.ScalarAsync<bool>("select exists (select from pg_database where datname = $1)", ct, name))
            {
                return;
            }
        }

        try
        {
            // Every login could connect to it until the next transaction.
            await database.ExecuteProvisioningAsync($"create database {name} template template0 encoding 'UTF8' allow_connections false", ct);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DuplicateDatabase)
        {
            // Created by a worker that has lost its lease.
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new StepFailedException($"{e.MessageText}: run \"alter role {DatabaseRoles.Provision} createdb\" as a superuser of the database server, then retry.", e);
        }
    }

    /// <returns>A note on other databases that the login can connect to, for the operator; empty when there are none.</returns>
    static async Task<string> CheckConnectAsync(Transaction transaction, TenantEnvironment environment, CancellationToken ct)
    {
        var reachable = await transaction.QueryAsync(ReachableDatabases, row => row.GetString(0), ct, environment.WebuiLogin, environment.DatabaseName);
        if (reachable.Find(name => name.StartsWith('*')) is { } own)
        {
            throw new StepFailedException(
                $"The environment's login could connect to the control plane's database: run \"revoke connect on database {own[1..]} from public\" as its owner, then retry.");
        }

        return reachable.Count == 0 ? "" : $"; its logins can also connect to {string.Join(", ", reachable)}: revoke connect from public there";
    }

    static Task<List<string>> ExistingLoginsAsync(Transaction transaction, TenantEnvironment environment, CancellationToken ct) => transaction.QueryAsync(
        "select rolname::text from pg_roles where rolname in ($1, $2)", row => row.GetString(0), ct, environment.WebuiLogin, environment.GatewayLogin);

    // The control plane's own is marked with an asterisk.
    const string ReachableDatabases = """
        select case when datname = current_database() then '*' else '' end || datname from pg_database
        where datallowconn and datname <> $2 and has_database_privilege($1::text::name, oid, 'connect') order by 1 limit 5
        """;
}
