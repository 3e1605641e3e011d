namespace ControlPlane.Provisioning;

/// <summary>Timing and concurrency of provisioning. All times are real time.</summary>
public sealed record ProvisioningOptions
{
    /// <summary>After this long without a heartbeat another worker may claim the run.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tenants that one process provisions at once, besides one more that is suspended or deleted.</summary>
    public int Concurrency { get; init; } = 3;

    /// <summary>Delays after the first, second, … failed attempt. The attempt after the last delay is the last one.</summary>
    public IReadOnlyList<TimeSpan> Backoff { get; init; } =
        [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5)];

    /// <summary>A run whose worker was interrupted so often, by a crash or an outage of the database, has failed: it may be what ends the worker.</summary>
    public int MaxInterruptions { get; init; } = 5;

    /// <summary>The job keeps polling while a run becomes due within this time, rather than leave it to the next scheduled job.</summary>
    public TimeSpan PollWindow { get; init; } = TimeSpan.FromSeconds(20);

    /// <returns>null when that was the last attempt.</returns>
    public TimeSpan? DelayAfter(int failedAttempts) => failedAttempts <= Backoff.Count ? Backoff[failedAttempts - 1] : null;
}
