using System.Text.Json.Serialization;

namespace ControlPlane.Web.Usage;

/// <summary>Reply to a delivery: complete counts and the first rejections. A client that reads slowly keeps it in memory, and a Lambda function may respond with 6 MB.</summary>
/// <param name="listed">Rejections that are listed.</param>
sealed class UsageReply(int listed)
{
    readonly List<RejectedEvent> _rejected = [];

    public long Accepted { get; private set; }
    public long Duplicates { get; private set; }
    public long RejectedTotal { get; private set; }

    /// <summary>Events queued until the database has recovered.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Queued { get; private set; }

    public IReadOnlyList<RejectedEvent> Rejected => _rejected;

    /// <summary>Rejected events that quarantine has no room for.</summary>
    [JsonIgnore]
    public long NotKept { get; private set; }

    public void Add(IngestReply batch)
    {
        Accepted += batch.Accepted;
        Duplicates += batch.Duplicates;
        Queued += batch.Queued;
        RejectedTotal += batch.Rejected.Count;
        NotKept += batch.CountNotKept();
        _rejected.AddRange(batch.Rejected.Take(listed - _rejected.Count));
    }
}
