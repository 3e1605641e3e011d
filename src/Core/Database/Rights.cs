using Npgsql;

namespace ControlPlane.Database;

/// <summary>
/// What statements may do and see: a role, and the tenant whose rows it sees. They are taken inside a transaction, in the round trip of its first
/// statement, and end with it, so that no session ever holds them: not one that a pool hands on, nor one that a proxy lends to somebody else.
/// </summary>
sealed record Rights(string Role, Guid? Tenant = null)
{
    public NpgsqlBatchCommand Take()
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
