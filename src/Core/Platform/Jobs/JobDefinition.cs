namespace ControlPlane.Platform.Jobs;

/// <summary>What a run of a job did, for the operator: counts by name, and alerts a person should look at.</summary>
public sealed record JobReport(IReadOnlyDictionary<string, long> Counts, IReadOnlyList<string> Alerts)
{
    public bool DidNothing => Alerts.Count == 0 && Counts.Values.All(count => count == 0);

    /// <summary>Both, as one run.</summary>
    public JobReport And(JobReport other) => new(Counts.Concat(other.Counts).ToDictionary(), [.. Alerts, .. other.Alerts]);

    public static JobReport Of(params (string Name, long Count)[] counts) => new(counts.ToDictionary(c => c.Name, c => c.Count), []);
}

/// <summary>A job and what a run of it does.</summary>
/// <param name="Run">Does one run. Safe to repeat, and to be killed at any moment.</param>
public sealed record JobDefinition(JobSchedule Schedule, Func<CancellationToken, Task<JobReport>> Run)
{
    public string Name => Schedule.Name;
    public string Cron => Schedule.Cron;
    public string Does => Schedule.Does;
    public bool DrainsQueue => Schedule.DrainsQueue;
}
