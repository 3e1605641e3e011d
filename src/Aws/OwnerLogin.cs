using Npgsql;

namespace ControlPlane.Aws;

/// <summary>Signs in as the database's owner to check or change its password. Connections are not pooled and not traced.</summary>
/// <param name="connectionString">The owner's, without a password.</param>
public sealed class OwnerLogin(string connectionString)
{
    /// <returns>Whether the database accepts the password.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<bool> CanSignInAsync(string password, CancellationToken ct)
    {
        try
        {
            await using var source = CreateDataSource(password);
            await using var connection = await source.OpenConnectionAsync(ct);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidPassword)
        {
            return false;
        }
    }

    /// <summary>Changes the password. Sends only the SCRAM verifier, so that no statement log contains the password.</summary>
    public async Task ChangePasswordAsync(string password, string newPassword, CancellationToken ct)
    {
        await using var source = CreateDataSource(password);
        await using var command = source.CreateCommand($"alter role current_user password '{ScramVerifier.Of(newPassword)}'");
        await command.ExecuteNonQueryAsync(ct);
    }

    NpgsqlDataSource CreateDataSource(string password)
    {
        var source = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder(connectionString) { Password = password, Pooling = false }.ToString());
        source.ConfigureTracing(tracing => tracing.ConfigureCommandFilter(_ => false));
        return source.Build();
    }
}
