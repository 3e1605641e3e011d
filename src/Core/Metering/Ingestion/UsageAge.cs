namespace ControlPlane.Metering.Ingestion;

/// <summary>How late usage may be counted without an operator's decision.</summary>
public static class UsageAge
{
    /// <summary>A delivery that waited longer is judged as if it had come in this many days ago: as long as a queue keeps a message.</summary>
    public const int LongestWaitDays = 14;

    /// <summary>The sums of days further back are final, but for an operator's replay: an event comes in within 35 days
    /// (<see cref="UsageBatch.MaximumAge"/>), may wait, and one more day is for where its UTC day begins.</summary>
    public const int OpenDays = 35 + LongestWaitDays + 1;
}
