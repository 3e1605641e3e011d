namespace ControlPlane.Platform.Jobs;

/// <summary>The result of a job run, for the operator: counts by name, and alerts that need attention.</summary>
public sealed record JobReport(IReadOnlyDictionary<string, long> Counts, IReadOnlyList<string> Alerts)
{
    /// <summary>One sentence for each part of the run that failed; the others were done. The run then counts as failed, so that it is repeated.</summary>
    public IReadOnlyList<string> Failures { get; init; } = [];

    public bool DidNothing => Alerts.Count == 0 && Failures.Count == 0 && Counts.Values.All(count => count == 0);

    /// <summary>Both reports as one.</summary>
    public JobReport And(JobReport other) => new(Counts.Concat(other.Counts).ToDictionary(), [.. Alerts, .. other.Alerts]) { Failures = [.. Failures, .. other.Failures] };

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

    /// <summary>Whether a run at this time would find something to do, where that is known without one: the sandbox clock passes over the others. null: it is not.</summary>
    public Func<DateTimeOffset, CancellationToken, Task<bool>>? HasWork { get; init; }
}
