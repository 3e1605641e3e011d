namespace ControlPlane.Local;

/// <summary>The key that opens the operator's side. The database keeps its hash; the key itself is in a file or was given to us.</summary>
public sealed class OperatorKey(ControlDatabase database, Clock clock, DataDirectory data)
{
    string KeyFile => data.At("operator.key");

    /// <param name="given">The value of CONTROLPLANE_OPERATOR_KEY, which replaces every key before it; null when not set.</param>
    /// <returns>One line about where the key is; the only one that ever shows the key is that of the start that made it.</returns>
    /// <exception cref="SettingException">The given key cannot be one.</exception>
    public async Task<string> EnsureAsync(string? given, CancellationToken ct)
    {
        if (given is not null)
        {
            OperatorKeys.Check(given);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.LockOperatorKeysAsync(ct);
        var line = given is not null ? await ReplaceAsync(transaction, given, ct) : await KeepOrMakeAsync(transaction, ct);
        await transaction.CommitAsync(ct);
        return line;
    }

    async Task<string> ReplaceAsync(Transaction transaction, string key, CancellationToken ct)
    {
        await transaction.ReplaceOperatorKeyAsync(clock, key, ct);
        if (File.Exists(KeyFile) && await File.ReadAllTextAsync(KeyFile, ct) != key)
        {
            // What is in there opens nothing any more.
            File.Delete(KeyFile);
        }

        return "as set in CONTROLPLANE_OPERATOR_KEY";
    }

    async Task<string> KeepOrMakeAsync(Transaction transaction, CancellationToken ct)
    {
        var known = await transaction.QueryAsync("select hash from control.operator_key", row => row.GetFieldValue<byte[]>(0), ct);
        if (File.Exists(KeyFile))
        {
            var kept = (await File.ReadAllTextAsync(KeyFile, ct)).Trim();
            if (known.Count == 0)
            {
                await transaction.AddOperatorKeyAsync(clock, kept, ct);
            }

            return known.Count == 0 || known.Any(hash => hash.AsSpan().SequenceEqual(Credentials.Hash(kept)))
                ? $"in {KeyFile}"
                : $"not the one in {KeyFile}: it was replaced; set CONTROLPLANE_OPERATOR_KEY to replace it again";
        }

        if (known.Count > 0)
        {
            return "as it was set before; set CONTROLPLANE_OPERATOR_KEY to replace it";
        }

        var made = Credentials.New(Credentials.OperatorKeyPrefix);
        PrivateFile.WriteNew(KeyFile, made);
        await transaction.AddOperatorKeyAsync(clock, made, ct);
        return $"{made} (shown this once; kept in {KeyFile})";
    }
}
