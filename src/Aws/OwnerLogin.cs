using Npgsql;

namespace ControlPlane.Aws;

/// <summary>The database's owner and its password. Connections are opened for one question and closed, and nothing of them is traced.</summary>
/// <param name="connectionString">Of the owner, without a password.</param>
public sealed class OwnerLogin(string connectionString)
{
    /// <returns>Whether this is the password.</returns>
    /// <exception cref="NpgsqlException">The database does not say: it is away.</exception>
    public async Task<bool> CanSignInAsync(string password, CancellationToken ct)
    {
        try
        {
            await using var source = Source(password);
            await using var connection = await source.OpenConnectionAsync(ct);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidPassword)
        {
            return false;
        }
    }

    /// <summary>Changes the password. The database is sent what it keeps instead of it, so that no log of statements has it.</summary>
    public async Task ChangePasswordAsync(string password, string newPassword, CancellationToken ct)
    {
        await using var source = Source(password);
        await using var command = source.CreateCommand($"alter role current_user password '{ScramVerifier.Of(newPassword)}'");
        await command.ExecuteNonQueryAsync(ct);
    }

    NpgsqlDataSource Source(string password)
    {
        var source = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder(connectionString) { Password = password, Pooling = false }.ToString());
        source.ConfigureTracing(tracing => tracing.ConfigureCommandFilter(_ => false));
        return source.Build();
    }
}
