using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts the deliveries in the spool, oldest first. Idempotent: after a crash, the next run repeats the unfinished file. One run at a time.</summary>
public sealed class DrainSpool(UsageSpool spool, DrainOverflow drain, DatabaseCircuit circuit, ILogger<DrainSpool> log)
{
    /// <summary>Tenants in parallel. The deliveries of one tenant are counted in order.</summary>
    const int MaxParallelTenants = 4;

    /// <summary>Deliveries and events per batch in memory. A batch has at least one delivery, whatever its size.</summary>
    const int MaxDeliveries = 64, MaxEvents = 20_000;

    /// <summary>Why a tenant's further deliveries are left in the spool for now.</summary>
    enum Obstacle { Busy, FailedFolderFull }

    /// <summary>Names of files of which the rest cannot be counted and has no room in the failed folder. Until it has, they are not read again.</summary>
    readonly HashSet<string> _withoutRoom = [];

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

        // Tenants whose rows are locked although the database is available, or whose deliveries cannot be set aside. They do not delay the others.
        var blocked = new ConcurrentDictionary<Guid, Obstacle>();
        var files = spool.PendingFiles();
        _withoutRoom.IntersectWith(spool.IsFailedFolderFull ? files.Select(file => file.Name) : []);
        foreach (var file in files.Where(file => !_withoutRoom.Contains(file.Name)))
        {
            await DrainAsync(file, blocked, ct);
            if (circuit.IsOpen)
            {
                return false;
            }
        }

        return blocked.IsEmpty && _withoutRoom.Count == 0;
    }

    async Task DrainAsync(SpoolFile file, ConcurrentDictionary<Guid, Obstacle> blocked, CancellationToken ct)
    {
        HashSet<Obstacle> obstacles = [];
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
                            _ = await CountAsync(file, line, delivery, ct) is not { } obstacle || blocked.TryAdd(tenant.Key, obstacle);
                        }
                    });
                obstacles.UnionWith(batch.Select(item => item.Delivery.Tenant).Where(blocked.ContainsKey).Select(tenant => blocked[tenant]));
                if (circuit.IsOpen)
                {
                    return;
                }
            }

            if (obstacles.Count == 0)
            {
                spool.Remove(file);
            }
            else if (!obstacles.Contains(Obstacle.Busy))
            {
                _withoutRoom.Add(file.Name);
            }
        }
        catch (InvalidDataException e)
        {
            if (spool.MoveToFailed(file, e.Message))
            {
                log.LogError("Spool file {File} is unreadable and was moved to the failed folder: {Reason}", file.Name, e.Message);
            }
            else
            {
                log.LogError("Spool file {File} is unreadable and stays in the spool, because the failed folder is full: {Reason}", file.Name, e.Message);
                _withoutRoom.Add(file.Name);
            }
        }
        catch (FileNotFoundException)
        {
            // Another process on the same folder has already drained it.
        }
    }

    /// <returns>null when it was counted or set aside.</returns>
    async Task<Obstacle?> CountAsync(SpoolFile file, int line, OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            await drain.RunAsync(delivery, ct);
            return null;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            return Obstacle.Busy;
        }
        catch (QuarantineCeilingException e)
        {
            return SetAside(file, line, e.Rest, e.Message, cause: null);
        }
        catch (Exception e) when (IsCausedByDelivery(e))
        {
            // Whatever the cause, it must not block the deliveries behind this one.
            return SetAside(file, line, delivery, e.ToString(), e);
        }
    }

    Obstacle? SetAside(SpoolFile file, int line, OverflowDelivery delivery, string reason, Exception? cause)
    {
        if (spool.CopyToFailed(file, line, delivery, reason))
        {
            log.LogError(cause, "Line {Line} of spool file {File} cannot be counted and was copied to the failed folder: {Reason}", line, file.Name, cause?.Message ?? reason);
            return null;
        }

        log.LogError(
            cause, "Line {Line} of spool file {File} cannot be counted and stays in the spool, because the failed folder is full: {Reason}", line, file.Name, cause?.Message ?? reason);
        return Obstacle.FailedFolderFull;
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
