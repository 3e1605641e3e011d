using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>The job <c>provision</c>: takes the runs that are due, several tenants at once, until none is left. Any number of
/// processes may do it at the same time.</summary>
public sealed class RunProvisioning(ControlDatabase database, ExecuteRun execute, ProvisioningOptions options, ILogger<RunProvisioning> log)
{
    /// <summary>How often a busy job looks for further runs.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var working = new List<Task<RunOutcome>>();
        var outcomes = new List<RunOutcome>();
        try
        {
            do
            {
                while (working.Count < options.Concurrency && await Lease.ClaimAsync(database, options.Lease, ct) is { } lease)
                {
                    working.Add(WorkAsync(lease));
                }

                if (working.Count > 0)
                {
                    await Task.WhenAny([.. working, Task.Delay(Pause, ct)]);
                    outcomes.AddRange(working.Where(task => task.IsCompleted).Select(task => task.Result));
                    working.RemoveAll(task => task.IsCompleted);
                }
                else if (await DueSoonAsync(ct))
                {
                    await Task.Delay(Pause, ct);
                }
                else
                {
                    return Report(outcomes);
                }
            }
            while (true);
        }
        finally
        {
            // Each stops with ct at the latest, and gives its run back.
            await Task.WhenAll(working);
        }
    }

    async Task<RunOutcome> WorkAsync(Lease lease)
    {
        await using (lease)
        {
            try
            {
                return await execute.RunAsync(lease);
            }
            catch (NpgsqlException e)
            {
                // Nothing can be put on record without the database. The lease ends by itself and the run is taken up again.
                log.LogError(e, "Tenant {Tenant}: run {Run} interrupted, the database is away", lease.Run.Tenant, lease.Run.Id);
                return new RunOutcome.Stopped();
            }
        }
    }

    async Task<bool> DueSoonAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<bool>(DueSoon, ct, options.StaysFor);
    }

    static JobReport Report(List<RunOutcome> outcomes) => new(
        new Dictionary<string, long>
        {
            ["succeeded"] = outcomes.OfType<RunOutcome.Succeeded>().Count(),
            ["will_retry"] = outcomes.OfType<RunOutcome.WillRetry>().Count(),
            ["failed"] = outcomes.OfType<RunOutcome.GaveUp>().Count(),
            ["stopped"] = outcomes.OfType<RunOutcome.Stopped>().Count(),
        },
        [.. outcomes.OfType<RunOutcome.GaveUp>().Select(o => $"The environment of tenant {o.Tenant} failed at step {o.Step}: {o.Reason}")]);

    const string DueSoon = """
        select exists (select from control.provisioning_run
                       where (state = 'queued' and next_attempt_at <= now() + $1) or (state = 'running' and lease_until <= now() + $1))
        """;
}
