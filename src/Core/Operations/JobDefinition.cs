namespace ControlPlane.Operations;

/// <summary>What a run of a job did, for the operator: counts by name, and alerts a person should look at.</summary>
public sealed record JobReport(IReadOnlyDictionary<string, long> Counts, IReadOnlyList<string> Alerts)
{
    public bool DidNothing => Alerts.Count == 0 && Counts.Values.All(count => count == 0);

    public static JobReport Of(params (string Name, long Count)[] counts) => new(counts.ToDictionary(c => c.Name, c => c.Count), []);
}

/// <summary>
/// The one definition of a job that every host schedules from.
/// </summary>
/// <param name="Name">As in <c>./run job NAME</c> and <c>POST /v1/admin/jobs/{job}/run</c>.</param>
/// <param name="Cron">Five fields, UTC.</param>
/// <param name="Does">One sentence for the operator.</param>
/// <param name="DrainsQueue">Its work is rows that a transaction announces with <c>pg_notify('control_job', name)</c>: a host that can
/// listen runs it at once, besides the schedule.</param>
/// <param name="Run">Does one run. Safe to repeat, and to be killed at any moment.</param>
public sealed record JobDefinition(string Name, string Cron, string Does, bool DrainsQueue, Func<CancellationToken, Task<JobReport>> Run);
