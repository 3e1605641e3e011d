using Npgsql;

namespace ControlPlane.Aws;

/// <summary>The owner's password, from its secret.</summary>
public sealed class OwnerPassword(OwnerSecret secret, OwnerLogin login)
{
    /// <summary>
    /// A <see cref="PasswordProvider"/>. A rotation that has changed the password but not yet put it into force, or never came to that, does not lock us out.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no such secret.</exception>
    public async ValueTask<string> MakeAsync(NpgsqlConnectionStringBuilder owner, CancellationToken ct)
    {
        var current = await secret.FindAsync(OwnerSecret.Current, null, ct) ?? throw new InvalidOperationException($"The secret {secret.Id} has no current version.");
        return await secret.FindAsync(OwnerSecret.Pending, null, ct) is { } pending && pending.Version != current.Version && await login.CanSignInAsync(pending.Password, ct)
            ? pending.Password
            : current.Password;
    }
}
