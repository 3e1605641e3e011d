namespace ControlPlane.Platform.Jobs;

/// <summary>The result of a job run, for the operator: counts by name, and alerts that need attention.</summary>
public sealed record JobReport(IReadOnlyDictionary<string, long> Counts, IReadOnlyList<string> Alerts)
{
    public bool DidNothing => Alerts.Count == 0 && Counts.Values.All(count => count == 0);

    /// <summary>Both reports as one.</summary>
    public JobReport And(JobReport other) => new(Counts.Concat(other.Counts).ToDictionary(), [.. Alerts, .. other.Alerts]);

    public static JobReport Of(params (string Name, long Count)[] counts) => new(counts.ToDictionary(c => c.Name, c => c.Count), []);
}

/// <summary>A job and the code that runs it.</summary>
/// <param name="Run">One run. Idempotent, and may be killed at any moment.</param>
public sealed record JobDefinition(JobSchedule Schedule, Func<CancellationToken, Task<JobReport>> Run)
{
    public string Name => Schedule.Name;
    public string Cron => Schedule.Cron;
    public string Description => Schedule.Description;
    public bool DrainsQueue => Schedule.DrainsQueue;
}
