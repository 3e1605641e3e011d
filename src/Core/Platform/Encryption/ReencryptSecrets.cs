using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Platform.Encryption;

/// <summary>A column of ciphertexts, stated by the module that writes it.</summary>
/// <param name="Name">For the operator.</param>
/// <param name="Select">All rows: tenant (or null), name of the secret, ciphertext.</param>
/// <param name="Update">Replaces the ciphertext of tenant $1 and name $2, if it is still $3, by $4.</param>
/// <param name="Context">Of a tenant's secret with a name.</param>
public sealed record SealedColumn(string Name, string Select, string Update, Func<Guid?, string, string> Context);

/// <summary>
/// Encrypts every stored secret that a former key encrypted with the current one, and reports those that no configured key decrypts. When nothing is reported,
/// the former key can be removed from the settings. May be killed and repeated at any time.
/// </summary>
public sealed class ReencryptSecrets(ControlDatabase database, SecretBox box, IReadOnlyList<SealedColumn> columns, ILogger<ReencryptSecrets> log)
{
    const int RowsPerTransaction = 100;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        long replaced = 0;
        var alerts = new List<string>();
        var parts = new JobParts(JobSchedules.Nightly, log);
        foreach (var column in columns)
        {
            await parts.TryAsync($"encrypt the stored {column.Name} again", tenant: null, async () =>
            {
                var (changed, unreadable) = await RunAsync(column, ct);
                replaced += changed;
                alerts.AddRange(unreadable.GroupBy(reason => reason).Select(group => $"{group.Count()} of the stored {column.Name} cannot be decrypted. {group.Key}"));
            }, ct);
        }

        return JobReport.Of(("secrets_reencrypted", replaced)) with { Alerts = alerts, Failures = parts.Failures };
    }

    async Task<(long Replaced, List<string> Unreadable)> RunAsync(SealedColumn column, CancellationToken ct)
    {
        List<(Guid? Tenant, string Name, byte[] Ciphertext)> rows;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            rows = await transaction.QueryAsync(column.Select, row => (row.Get<Guid?>(0), row.GetString(1), row.GetFieldValue<byte[]>(2)), ct);
        }

        var unreadable = new List<string>();
        var updates = new List<(Guid? Tenant, string Name, byte[] Old, byte[] New)>();
        foreach (var (tenant, name, ciphertext) in rows)
        {
            var context = column.Context(tenant, name);
            try
            {
                var secret = box.Open(ciphertext, context);
                if (box.IsOutdated(ciphertext))
                {
                    updates.Add((tenant, name, ciphertext, box.Seal(secret, context)));
                }
            }
            catch (CryptographicException e)
            {
                unreadable.Add(e.Message);
            }
        }

        long replaced = 0;
        foreach (var chunk in updates.Chunk(RowsPerTransaction))
        {
            await using var transaction = await database.BeginJobAsync(ct);
            foreach (var (tenant, name, old, @new) in chunk)
            {
                // Compared with what was read: a secret that was rotated meanwhile is left alone.
                replaced += await transaction.ExecuteAsync(column.Update, ct, tenant, name, old, @new);
            }

            await transaction.CommitAsync(ct);
        }

        return (replaced, unreadable);
    }
}
