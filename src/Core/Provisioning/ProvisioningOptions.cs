namespace ControlPlane.Provisioning;

/// <summary>How provisioning works and waits. All of it is real time.</summary>
public sealed record ProvisioningOptions
{
    /// <summary>After this long without a sign of life a run is taken over by another worker.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many tenants one process works on at once.</summary>
    public int Concurrency { get; init; } = 3;

    /// <summary>Waits after the first, second, … failed attempt. The attempt after the last wait is the last one.</summary>
    public IReadOnlyList<TimeSpan> Backoff { get; init; } =
        [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5)];

    /// <summary>The job stays for runs that become due within this time, rather than leave them to the next schedule.</summary>
    public TimeSpan StaysFor { get; init; } = TimeSpan.FromSeconds(20);

    /// <returns>null when that was the last attempt.</returns>
    public TimeSpan? WaitAfter(int failedAttempts) => failedAttempts <= Backoff.Count ? Backoff[failedAttempts - 1] : null;
}
