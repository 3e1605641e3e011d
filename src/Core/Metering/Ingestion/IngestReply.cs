namespace ControlPlane.Metering.Ingestion;

/// <param name="Id">null when the id could not be read.</param>
public sealed record RejectedEvent(long Index, string? Id, string Code, string Detail);

/// <summary>The outcome of a delivery. Every event in it has one of the four outcomes.</summary>
/// <param name="Queued">Stored, to be counted when the database is available again.</param>
public sealed record IngestReply(long Accepted, long Duplicates, IReadOnlyList<RejectedEvent> Rejected, long Queued = 0)
{
    public IngestReply And(IngestReply other) =>
        new(Accepted + other.Accepted, Duplicates + other.Duplicates, [.. Rejected, .. other.Rejected], Queued + other.Queued);

    /// <summary>Rejected events that quarantine has no room for.</summary>
    public long CountNotKept() => Rejected.Count(rejected => rejected.Code == Rejection.Codes.QuarantineFull);
}
