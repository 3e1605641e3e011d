using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>The roles that do all the work at run time: docs/decisions/0001-one-database-login-three-roles.md.</summary>
public static class DatabaseRoles
{
    /// <summary>Everything a tenant can reach.</summary>
    public const string App = "control_app";
    /// <summary>Jobs and operators.</summary>
    public const string Job = "control_job";
    /// <summary>Makes and drops the roles and schemas of environments.</summary>
    public const string Provision = "control_provision";
}

/// <summary>
/// What statements may do and see: a role, and the tenant whose rows it sees. They are taken inside a transaction, in the round trip of its first
/// statement, and end with it, so that no session ever holds them: not one that a pool hands on, nor one that a proxy lends to somebody else.
/// </summary>
sealed record SessionRole(string Role, Guid? Tenant = null)
{
    public NpgsqlBatchCommand CreateSetRoleCommand()
    {
        var command = new NpgsqlBatchCommand($"select set_config('role', '{Role}', true)");
        if (Tenant is { } tenant)
        {
            command.CommandText += ", set_config('app.current_tenant', $1, true)";
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant.ToString() });
        }

        return command;
    }
}
