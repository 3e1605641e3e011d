using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts what waits in the spool, oldest first. Killed in the middle, it does the rest again the next time, which changes nothing.</summary>
public sealed class DrainSpool(UsageSpool spool, DrainOverflow drain, DatabaseCircuit circuit, ILogger<DrainSpool> log)
{
    /// <summary>Tenants served at once. The deliveries of one follow each other.</summary>
    const int Tenants = 4;

    /// <summary>Deliveries, and events, held in memory at once; but one delivery always is.</summary>
    const int Deliveries = 64, Events = 20_000;

    /// <returns>Whether all is counted or set aside; if not, the database could not take the rest.</returns>
    /// <exception cref="PostgresException">The database and this program do not fit together. Nothing is given up.</exception>
    /// <exception cref="IOException">The spool cannot be read or changed.</exception>
    public async Task<bool> RunAsync(CancellationToken ct)
    {
        if (!spool.AnyWaits)
        {
            return true;
        }

        // Before the folder is read, which takes long when much waits.
        if (!await circuit.IsAvailableAsync())
        {
            return false;
        }

        // The database may be there and the rows of one tenant locked. The others do not wait for it.
        var busy = new ConcurrentDictionary<Guid, bool>();
        foreach (var file in spool.Waiting())
        {
            await DrainAsync(file, busy, ct);
            if (circuit.IsOpen)
            {
                return false;
            }
        }

        return busy.IsEmpty;
    }

    async Task DrainAsync(SpoolFile file, ConcurrentDictionary<Guid, bool> busy, CancellationToken ct)
    {
        var all = true;
        try
        {
            await foreach (var portion in PortionsAsync(file, ct))
            {
                await Parallel.ForEachAsync(
                    portion.GroupBy(waiting => waiting.Delivery.Tenant), new ParallelOptions { MaxDegreeOfParallelism = Tenants, CancellationToken = ct },
                    async (tenant, ct) =>
                    {
                        foreach (var (line, delivery) in tenant.TakeWhile(_ => !busy.ContainsKey(tenant.Key)))
                        {
                            _ = await CountAsync(file, line, delivery, ct) || busy.TryAdd(tenant.Key, true);
                        }
                    });
                all &= portion.All(waiting => !busy.ContainsKey(waiting.Delivery.Tenant));
                if (circuit.IsOpen)
                {
                    return;
                }
            }

            if (all)
            {
                spool.Remove(file);
            }
        }
        catch (InvalidDataException e)
        {
            log.LogError("{File} of the spool cannot be read and is set aside: {Why}", file.Name, e.Message);
            spool.SetAside(file, e.Message);
        }
        catch (FileNotFoundException)
        {
            // Another process on the same folder was faster.
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
        catch (Exception e) when (IsOfTheDelivery(e))
        {
            // Whatever it is, the deliveries behind this one have nothing to do with it.
            log.LogError(e, "Line {Line} of {File} in the spool cannot be counted and is set aside", line, file.Name);
            spool.SetAside(file, line, delivery, e.ToString());
            return true;
        }
    }

    // Classes of SQLSTATE: 22 is what the values are, 23 what they would break. What else the database says is about us.
    static bool IsOfTheDelivery(Exception e) => e switch
    {
        PostgresException p => p.SqlState.StartsWith("22", StringComparison.Ordinal) || p.SqlState.StartsWith("23", StringComparison.Ordinal),
        OperationCanceledException or ObjectDisposedException => false,
        _ => true,
    };

    static async IAsyncEnumerable<List<(int Line, OverflowDelivery Delivery)>> PortionsAsync(
        SpoolFile file, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var portion = new List<(int Line, OverflowDelivery Delivery)>();
        await foreach (var waiting in file.ReadAsync(ct))
        {
            portion.Add(waiting);
            if (portion.Count == Deliveries || portion.Sum(held => held.Delivery.Events.Count) >= Events)
            {
                yield return portion;
                portion = [];
            }
        }

        if (portion.Count > 0)
        {
            yield return portion;
        }
    }
}
