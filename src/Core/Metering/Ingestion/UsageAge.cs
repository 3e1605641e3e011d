namespace ControlPlane.Metering.Ingestion;

/// <summary>How late usage is counted without an operator's decision.</summary>
public static class UsageAge
{
    /// <summary>A delivery that was queued longer is treated as if it had arrived this many days ago, which is as long as SQS keeps a message.</summary>
    public const int MaximumQueueDays = 14;

    /// <summary>The sums of earlier days are final, except for an operator's replay: an event arrives within 35 days
    /// (<see cref="UsageBatch.MaximumAge"/>) and may be queued; one more day covers the start of its UTC day.</summary>
    public const int OpenDays = 35 + MaximumQueueDays + 1;

    /// <summary>A billing period, or the first one with the days before its anchor.</summary>
    public const int LongestPeriodInDays = 31 + OpenDays;
}
