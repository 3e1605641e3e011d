namespace ControlPlane.Local;

/// <summary>The key of the operator's pages and API. The database stores its hash; the key itself is in a file or in a setting.</summary>
public sealed class OperatorKey(ControlDatabase database, Clock clock, DataDirectory data)
{
    string KeyFile => data.At("operator.key");

    /// <param name="configured">The value of CONTROLPLANE_OPERATOR_KEY, which replaces every earlier key; null when not set.</param>
    /// <returns>One line that says where the key is. Only the start that creates the key shows it.</returns>
    /// <exception cref="SettingException">The configured key is malformed.</exception>
    public async Task<string> EnsureAsync(string? configured, CancellationToken ct)
    {
        if (configured is not null)
        {
            OperatorKeySetting.Validate(configured);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.LockOperatorKeysAsync(ct);
        var line = configured is not null ? await ReplaceAsync(transaction, configured, ct) : await KeepOrCreateAsync(transaction, ct);
        await transaction.CommitAsync(ct);
        return line;
    }

    async Task<string> ReplaceAsync(Transaction transaction, string key, CancellationToken ct)
    {
        await transaction.ReplaceOperatorKeyAsync(clock, key, ct);
        if (File.Exists(KeyFile) && await File.ReadAllTextAsync(KeyFile, ct) != key)
        {
            // The key in the file is no longer valid.
            File.Delete(KeyFile);
        }

        return "as set in CONTROLPLANE_OPERATOR_KEY";
    }

    async Task<string> KeepOrCreateAsync(Transaction transaction, CancellationToken ct)
    {
        var known = await transaction.OperatorKeyHashesAsync(ct);
        if (File.Exists(KeyFile))
        {
            var kept = (await File.ReadAllTextAsync(KeyFile, ct)).Trim();
            if (known.Count == 0)
            {
                await transaction.AddOperatorKeyAsync(clock, kept, ct);
            }

            return known.Count == 0 || known.Any(hash => hash.AsSpan().SequenceEqual(Credentials.Hash(kept)))
                ? $"in {KeyFile}"
                : $"not the one in {KeyFile}, which was replaced; set CONTROLPLANE_OPERATOR_KEY to replace it again";
        }

        if (known.Count > 0)
        {
            return "as set earlier; set CONTROLPLANE_OPERATOR_KEY to replace it";
        }

        var created = Credentials.New(Credentials.OperatorKeyPrefix);
        PrivateFile.WriteNew(KeyFile, created);
        await transaction.AddOperatorKeyAsync(clock, created, ct);
        return $"{created} (shown only once; stored in {KeyFile})";
    }
}
