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
    /// <summary>Creates and drops the roles and schemas of environments.</summary>
    public const string Provision = "control_provision";
}

/// <summary>
/// The role that statements run as, and the tenant whose rows they see. Both are set inside a transaction, in the round trip of its first statement, and
/// end with it, so no session keeps them: neither one that returns to a pool, nor one that a proxy shares with another client.
/// </summary>
/// <param name="LockTimeout">A statement that waits longer for a lock fails with <c>lock_not_available</c>; null: the server's setting.</param>
sealed record SessionRole(string Role, Guid? Tenant = null, TimeSpan? LockTimeout = null)
{
    public NpgsqlBatchCommand CreateSetRoleCommand()
    {
        var command = new NpgsqlBatchCommand($"select set_config('role', '{Role}', true)");
        if (LockTimeout is { } timeout)
        {
            command.CommandText += string.Create(CultureInfo.InvariantCulture, $", set_config('lock_timeout', '{timeout.TotalMilliseconds:0}', true)");
        }

        if (Tenant is { } tenant)
        {
            command.CommandText += ", set_config('app.current_tenant', $1, true)";
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant.ToString() });
        }

        return command;
    }
}
