using System.Text.Json.Serialization;

namespace ControlPlane.Web.Usage;

/// <summary>Reply to a stream: complete counts and the first hundred rejections.</summary>
sealed class StreamReply
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

    public void Add(IngestReply batch, int listed)
    {
        Accepted += batch.Accepted;
        Duplicates += batch.Duplicates;
        Queued += batch.Queued;
        RejectedTotal += batch.Rejected.Count;
        NotKept += batch.CountNotKept();
        _rejected.AddRange(batch.Rejected.Take(listed - _rejected.Count));
    }
}
