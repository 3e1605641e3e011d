using Azure;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// Settings from a key vault: the setting CONTROLPLANE_SMTP is the secret CONTROLPLANE-SMTP, because names in a vault cannot contain underscores.
/// Each version of a secret is fetched once; disabled secrets are ignored.
/// </summary>
sealed class VaultSettings(SecretClient vault)
{
    public const string Setting = "CONTROLPLANE_KEY_VAULT";

    Dictionary<string, Secret> _secrets = [];

    /// <summary>Values as of the last read.</summary>
    public IReadOnlyDictionary<string, string?> Values => _secrets.ToDictionary(secret => secret.Key.Replace('-', '_'), secret => (string?)secret.Value.Value);

    /// <summary>Reads the vault. If it cannot be read completely, the values stay as they are.</summary>
    /// <returns>Whether a value has changed since the last read.</returns>
    /// <exception cref="RequestFailedException">The vault refuses the request or is unavailable.</exception>
    /// <exception cref="AuthenticationFailedException">There is no identity to sign in with.</exception>
    public async Task<bool> ReadAsync(CancellationToken ct)
    {
        var read = new Dictionary<string, Secret>(StringComparer.OrdinalIgnoreCase);
        await foreach (var listed in vault.GetPropertiesOfSecretsAsync(ct))
        {
            if (listed.Enabled == true)
            {
                read[listed.Name] = _secrets.TryGetValue(listed.Name, out var known) && known.UpdatedOn == listed.UpdatedOn
                    ? known
                    : new Secret(listed.UpdatedOn, (await vault.GetSecretAsync(listed.Name, version: null, cancellationToken: ct)).Value.Value);
            }
        }

        var changed = read.Count != _secrets.Count || read.Any(secret => !_secrets.TryGetValue(secret.Key, out var known) || known.Value != secret.Value.Value);
        _secrets = read;
        return changed;
    }

    sealed record Secret(DateTimeOffset? UpdatedOn, string Value);
}
