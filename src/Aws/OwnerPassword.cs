using Npgsql;

namespace ControlPlane.Aws;

/// <summary>Reads the password of the database's owner from its secret.</summary>
public sealed class OwnerPassword(OwnerSecret secret, OwnerLogin login)
{
    /// <summary>
    /// A <see cref="PasswordProvider"/>. Also works during, or after an aborted, rotation that has changed the password in the database but not yet
    /// promoted the pending version.
    /// </summary>
    /// <exception cref="InvalidOperationException">The secret does not exist.</exception>
    public async ValueTask<string> GetAsync(NpgsqlConnectionStringBuilder owner, CancellationToken ct)
    {
        var current = await secret.FindAsync(OwnerSecret.Current, null, ct) ?? throw new InvalidOperationException($"The secret {secret.Id} has no current version.");
        return await secret.FindAsync(OwnerSecret.Pending, null, ct) is { } pending && pending.Version != current.Version && await login.CanSignInAsync(pending.Password, ct)
            ? pending.Password
            : current.Password;
    }
}
