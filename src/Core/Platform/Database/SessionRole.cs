using System.Globalization;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>The roles that statements run as: docs/decisions/0001-one-database-login-three-roles.md.</summary>
public static class DatabaseRoles
{
    /// <summary>Everything that serves tenants.</summary>
    public const string App = "control_app";
    /// <summary>Jobs and operators.</summary>
    public const string Job = "control_job";
    /// <summary>Moves environments of earlier releases to database servers of their own, and drops their former roles and databases.</summary>
    public const string Provision = "control_provision";
}

/// <summary>
/// Limits that the server enforces, in seconds: it keeps the locks of a client that hangs, or whose host has disappeared, no longer than this. They are set with
/// the role because settings of a role apply to logins only, and RDS Proxy refuses them as startup options.
/// </summary>
/// <param name="Statement">For one statement, including its wait for locks.</param>
/// <param name="Lock">For one lock, advisory ones included.</param>
/// <param name="Idle">Between two statements of a transaction; then the server closes the connection.</param>
public sealed record ServerTimeouts(int Statement, int Lock, int Idle)
{
    /// <summary>How much longer a client waits for the answer, so that it is the server that ends a statement, unless the server itself hangs.</summary>
    public int Margin { get; init; } = 30;

    /// <summary>How long a client waits for the answer.</summary>
    public int Client => Statement + Margin;

    /// <summary>A client stops waiting for an answer long before.</summary>
    public static ServerTimeouts Serving { get; } = new(Statement: 60, Lock: 15, Idle: 60);

    /// <summary>The rollup of a busy day and the deletion of old rows take minutes.</summary>
    public static ServerTimeouts Working { get; } = new(Statement: 900, Lock: 60, Idle: 120);
}

/// <summary>
/// The role that statements run as, its timeouts, and the tenant whose rows they see. All are set inside a transaction, in the round trip of its first
/// statement, and end with it, so no session keeps them: neither one that returns to a pool, nor one that a proxy shares with another client.
/// </summary>
/// <param name="LockTimeout">Instead of the one in <paramref name="Timeouts"/>: a statement that waits longer fails with <c>lock_not_available</c>.</param>
sealed record SessionRole(string Role, ServerTimeouts Timeouts, Guid? Tenant = null, TimeSpan? LockTimeout = null)
{
    /// <summary>
    /// Connections that one tenant holds at the same time in all processes together; <see cref="TenantConnectionLimit"/> counts those of one process, which
    /// may serve a single request.
    /// </summary>
    const int TenantConnections = 32;

    /// <summary>The commands that come before the first statement. Each has one result.</summary>
    public IEnumerable<NpgsqlBatchCommand> CreateCommands()
    {
        yield return CreateSetRoleCommand();
        if (Tenant is { } tenant)
        {
            // A command of its own, because the login itself may not call the function.
            yield return Transaction.TakePlace(tenant, "connection", TenantConnections).CreateCommand();
        }
    }

    NpgsqlBatchCommand CreateSetRoleCommand()
    {
        var lockTimeout = LockTimeout ?? TimeSpan.FromSeconds(Timeouts.Lock);
        var command = new NpgsqlBatchCommand(string.Create(
            CultureInfo.InvariantCulture,
            $"select set_config('role', '{Role}', true), set_config('statement_timeout', '{Timeouts.Statement}s', true), set_config('lock_timeout', '{lockTimeout.TotalMilliseconds:0}', true), set_config('idle_in_transaction_session_timeout', '{Timeouts.Idle}s', true)"));
        if (Tenant is { } tenant)
        {
            command.CommandText += ", set_config('app.current_tenant', $1, true)";
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant.ToString() });
        }

        return command;
    }
}
