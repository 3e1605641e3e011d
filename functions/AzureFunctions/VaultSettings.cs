using Azure;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The settings that are secrets, from a key vault: the setting CONTROLPLANE_SMTP is the secret CONTROLPLANE-SMTP, because a vault takes no
/// underscores. A secret is fetched once for each of its versions; a disabled one is no setting.
/// </summary>
sealed class VaultSettings(SecretClient vault)
{
    public const string Setting = "CONTROLPLANE_KEY_VAULT";

    Dictionary<string, Secret> _known = [];

    /// <summary>As of the last reading.</summary>
    public IReadOnlyDictionary<string, string?> Values => _known.ToDictionary(secret => secret.Key.Replace('-', '_'), secret => (string?)secret.Value.Value);

    /// <summary>Reads the vault. What cannot be read whole changes nothing.</summary>
    /// <returns>Whether a value is not what it was at the last reading.</returns>
    /// <exception cref="RequestFailedException">The vault refuses or does not answer.</exception>
    /// <exception cref="AuthenticationFailedException">No identity to sign in with.</exception>
    public async Task<bool> ReadAsync(CancellationToken ct)
    {
        var read = new Dictionary<string, Secret>(StringComparer.OrdinalIgnoreCase);
        await foreach (var listed in vault.GetPropertiesOfSecretsAsync(ct))
        {
            if (listed.Enabled == true)
            {
                read[listed.Name] = _known.TryGetValue(listed.Name, out var known) && known.UpdatedOn == listed.UpdatedOn
                    ? known
                    : new Secret(listed.UpdatedOn, (await vault.GetSecretAsync(listed.Name, version: null, cancellationToken: ct)).Value.Value);
            }
        }

        var changed = read.Count != _known.Count || read.Any(secret => !_known.TryGetValue(secret.Key, out var known) || known.Value != secret.Value.Value);
        _known = read;
        return changed;
    }

    sealed record Secret(DateTimeOffset? UpdatedOn, string Value);
}
