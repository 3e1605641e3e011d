using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts the deliveries in the spool, oldest first. Idempotent: after a crash, the next run repeats the unfinished file.</summary>
public sealed class DrainSpool(UsageSpool spool, DrainOverflow drain, DatabaseCircuit circuit, ILogger<DrainSpool> log)
{
    /// <summary>Tenants in parallel. The deliveries of one tenant are counted in order.</summary>
    const int MaxParallelTenants = 4;

    /// <summary>Deliveries and events per batch in memory. A batch has at least one delivery, whatever its size.</summary>
    const int MaxDeliveries = 64, MaxEvents = 20_000;

    /// <returns>Whether every delivery was counted or moved to the failed folder. If not, the database could not accept the rest.</returns>
    /// <exception cref="PostgresException">The schema does not match this program. No delivery is moved to the failed folder.</exception>
    /// <exception cref="IOException">The spool cannot be read or written.</exception>
    public async Task<bool> RunAsync(CancellationToken ct)
    {
        if (!spool.HasPendingFiles)
        {
            return true;
        }

        // Before the folder is read, which is slow for a large backlog.
        if (!await circuit.IsAvailableAsync())
        {
            return false;
        }

        // Tenants whose rows are locked although the database is available. They do not delay the others.
        var blocked = new ConcurrentDictionary<Guid, bool>();
        foreach (var file in spool.PendingFiles())
        {
            await DrainAsync(file, blocked, ct);
            if (circuit.IsOpen)
            {
                return false;
            }
        }

        return blocked.IsEmpty;
    }

    async Task DrainAsync(SpoolFile file, ConcurrentDictionary<Guid, bool> blocked, CancellationToken ct)
    {
        var complete = true;
        try
        {
            await foreach (var batch in BatchesAsync(file, ct))
            {
                await Parallel.ForEachAsync(
                    batch.GroupBy(item => item.Delivery.Tenant), new ParallelOptions { MaxDegreeOfParallelism = MaxParallelTenants, CancellationToken = ct },
                    async (tenant, ct) =>
                    {
                        foreach (var (line, delivery) in tenant.TakeWhile(_ => !blocked.ContainsKey(tenant.Key)))
                        {
                            _ = await CountAsync(file, line, delivery, ct) || blocked.TryAdd(tenant.Key, true);
                        }
                    });
                complete &= batch.All(item => !blocked.ContainsKey(item.Delivery.Tenant));
                if (circuit.IsOpen)
                {
                    return;
                }
            }

            if (complete)
            {
                spool.Remove(file);
            }
        }
        catch (InvalidDataException e)
        {
            log.LogError("Spool file {File} is unreadable and was moved to the failed folder: {Reason}", file.Name, e.Message);
            spool.MoveToFailed(file, e.Message);
        }
        catch (FileNotFoundException)
        {
            // Another process on the same folder has already drained it.
        }
    }

    async Task<bool> CountAsync(SpoolFile file, int line, OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            await drain.RunAsync(delivery, ct);
            return true;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            return false;
        }
        catch (QuarantineCeilingException e)
        {
            log.LogError("Usage in line {Line} of spool file {File} was copied to the failed folder: {Reason}", line, file.Name, e.Message);
            spool.CopyToFailed(file, line, e.Rest, e.Message);
            return true;
        }
        catch (Exception e) when (IsCausedByDelivery(e))
        {
            // Whatever the cause, it must not block the deliveries behind this one.
            log.LogError(e, "Line {Line} of spool file {File} cannot be counted and was copied to the failed folder", line, file.Name);
            spool.CopyToFailed(file, line, delivery, e.ToString());
            return true;
        }
    }

    // SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation). Any other error of the database is our own fault.
    static bool IsCausedByDelivery(Exception e) => e switch
    {
        PostgresException p => p.SqlState.StartsWith("22", StringComparison.Ordinal) || p.SqlState.StartsWith("23", StringComparison.Ordinal),
        OperationCanceledException or ObjectDisposedException => false,
        _ => true,
    };

    static async IAsyncEnumerable<List<(int Line, OverflowDelivery Delivery)>> BatchesAsync(
        SpoolFile file, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var batch = new List<(int Line, OverflowDelivery Delivery)>();
        await foreach (var item in file.ReadAsync(ct))
        {
            batch.Add(item);
            if (batch.Count == MaxDeliveries || batch.Sum(b => b.Delivery.Events.Count) >= MaxEvents)
            {
                yield return batch;
                batch = [];
            }
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}
