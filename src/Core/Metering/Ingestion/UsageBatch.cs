using ControlPlane.Subscriptions;

namespace ControlPlane.Metering.Ingestion;

public sealed record PricedEvent(UsageEvent Event, decimal Cost);

/// <param name="ReceivedAt">Business time. Decides whether an event is too old or in the future, however long it was queued.</param>
/// <param name="IsAcknowledged">The sender does not have the event any more.</param>
public readonly record struct ReceivedSubmission(Submission Submission, DateTimeOffset ReceivedAt, bool IsAcknowledged = false);

/// <summary>A submission that goes to quarantine.</summary>
/// <param name="Position">Within the batch.</param>
public readonly record struct RejectedSubmission(int Position, ReceivedSubmission Received, Rejection Rejection)
{
    public Submission Submission => Received.Submission;
}

/// <summary>Sorts a tenant's submissions into accepted, duplicate and rejected. Pure: the database's results are passed in.</summary>
public sealed class UsageBatch
{
    /// <summary>Older events are held in quarantine, because their period is invoiced by then.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromDays(35);

    /// <summary>Tolerated lead of a gateway's clock.</summary>
    public static readonly TimeSpan MaximumAhead = TimeSpan.FromMinutes(5);

    static readonly Rejection InFuture = new(Rejection.Codes.InFuture, $"occurred_at is more than {MaximumAhead.TotalMinutes:0} minutes in the future: check the clock of the sender");
    static readonly Rejection TooOld = new(Rejection.Codes.TooOld, $"occurred_at is more than {MaximumAge.TotalDays:0} days ago: ask the operator to replay the event");
    static readonly Rejection Conflict = new(Rejection.Codes.Conflict, "this id was reported before with different content, and the first report counts: send a new event under a new id");
    static readonly Rejection NoSubscription = new(Rejection.Codes.NoSubscription, "the tenant has no subscription yet: verify its email address first");
    static readonly Rejection SubscriptionEnded = new(Rejection.Codes.SubscriptionEnded, "the tenant was deleted and its last invoice does not include this day or was issued already: ask the operator");

    enum Outcome
    {
        /// <summary>The default: new, unless the database already has the id.</summary>
        Accepted,
        Duplicate,
        Rejected,
    }

    readonly IReadOnlyList<ReceivedSubmission> _submissions;
    readonly Outcome[] _outcomes;
    readonly Rejection?[] _rejections;
    readonly Dictionary<string, int> _candidates;
    // Submissions that follow a candidate with the same id.
    readonly List<int> _repeats = [];
    // Candidates that no invoice can carry: duplicates, unless they are new.
    readonly List<int> _ended = [];
    IReadOnlyList<string> _known = [];

    /// <param name="anyAge">An operator's replay: events older than <see cref="MaximumAge"/> are counted too.</param>
    public UsageBatch(IReadOnlyList<ReceivedSubmission> submissions, bool anyAge = false)
    {
        _submissions = submissions;
        _outcomes = new Outcome[submissions.Count];
        _rejections = new Rejection?[submissions.Count];
        _candidates = new Dictionary<string, int>(submissions.Count, StringComparer.Ordinal);
        for (var index = 0; index < submissions.Count; index++)
        {
            var (submission, receivedAt, _) = submissions[index];
            if (submission.Event is not { } usage)
            {
                Reject(index, submission.Rejection!);
            }
            else if (CheckTime(usage, receivedAt, anyAge) is { } rejection)
            {
                Reject(index, rejection);
            }
            else if (!_candidates.TryAdd(usage.Id, index))
            {
                _repeats.Add(index);
            }
        }
    }

    /// <summary>Whether the senders of all submissions do not have them any more.</summary>
    public bool IsAcknowledged => _submissions.All(received => received.IsAcknowledged);

    /// <summary>Valid events within the time limits, the first of each id in the batch.</summary>
    public IEnumerable<UsageEvent> Candidates => _candidates.Values.Select(EventAt);

    /// <summary>Candidates with their costs, to be inserted.</summary>
    public IReadOnlyList<PricedEvent> Priced { get; private set; } = [];

    /// <summary>The events of <see cref="Priced"/> that were inserted.</summary>
    public IReadOnlyList<PricedEvent> Inserted { get; private set; } = [];

    /// <summary>Ids that the database already has, or may have because they were not inserted.</summary>
    public IReadOnlyList<string> Existing => [.. _known, .. _ended.Select(index => EventAt(index).Id)];

    /// <summary>Submissions that go to quarantine.</summary>
    public IEnumerable<RejectedSubmission> Rejected =>
        Enumerable.Range(0, _submissions.Count).Where(index => _outcomes[index] == Outcome.Rejected)
            .Select(index => new RejectedSubmission(index, _submissions[index], _rejections[index]!));

    /// <param name="ownModels">The tenant's own weights, which cost nothing.</param>
    public void Price(ModelPrices prices, Subscription? subscription, IReadOnlySet<string>? ownModels = null)
    {
        var priced = new List<PricedEvent>(_candidates.Count);
        foreach (var index in _candidates.Values)
        {
            var usage = EventAt(index);
            if (subscription is null)
            {
                Reject(index, NoSubscription);
            }
            else if (!subscription.CanInvoice(usage.Day))
            {
                _ended.Add(index);
            }
            else if ((ownModels?.Contains(usage.Model) == true ? 0 : prices.CostOf(usage)) is { } cost)
            {
                priced.Add(new PricedEvent(usage, cost));
            }
            else
            {
                Reject(index, new(Rejection.Codes.UnknownModel, $"model \"{usage.Model}\" is not in the catalog: ask the operator to add it and replay the event"));
            }
        }

        Priced = priced;
    }

    /// <param name="inserted">Ids of <see cref="Priced"/> that were inserted.</param>
    public void Accept(IReadOnlyCollection<string> inserted)
    {
        if (inserted.Count == Priced.Count)
        {
            Inserted = Priced;
            return;
        }

        var ids = inserted.ToHashSet(StringComparer.Ordinal);
        Inserted = Priced.Where(p => ids.Contains(p.Event.Id)).ToList();
        _known = Priced.Select(p => p.Event.Id).Where(id => !ids.Contains(id)).ToList();
    }

    /// <summary>The last step: tells duplicates from conflicts.</summary>
    /// <param name="existing">Those of <see cref="Existing"/> that were counted, as they were counted.</param>
    public void Compare(IReadOnlyCollection<UsageEvent> existing)
    {
        var counted = existing.ToDictionary(usage => usage.Id, StringComparer.Ordinal);
        foreach (var first in existing)
        {
            CompareWith(_candidates[first.Id], first);
        }

        foreach (var index in _ended.Where(index => !counted.ContainsKey(EventAt(index).Id)))
        {
            Reject(index, SubscriptionEnded);
        }

        foreach (var index in _repeats)
        {
            var candidate = _candidates[EventAt(index).Id];
            if (counted.GetValueOrDefault(EventAt(index).Id) is { } first)
            {
                CompareWith(index, first);
            }
            else if (_rejections[candidate] is { } rejection && EventAt(index) == EventAt(candidate))
            {
                Reject(index, rejection);
            }
            else
            {
                CompareWith(index, EventAt(candidate));
            }
        }
    }

    /// <summary>Quarantine has no room for these: the sender has to keep them.</summary>
    public void ReturnToSender(IEnumerable<int> positions)
    {
        foreach (var position in positions)
        {
            var (code, detail) = _rejections[position]!;
            Reject(position, new(Rejection.Codes.QuarantineFull, $"neither counted nor kept, because quarantine is full: send it again later ({code}: {detail})"));
        }
    }

    /// <summary>The outcome of a range of submissions.</summary>
    public IngestReply Reply(int start, int count)
    {
        var (accepted, duplicates, rejected) = (0L, 0L, new List<RejectedEvent>());
        for (var index = start; index < start + count; index++)
        {
            switch (_outcomes[index])
            {
                case Outcome.Accepted:
                    accepted++;
                    break;
                case Outcome.Duplicate:
                    duplicates++;
                    break;
                default:
                    rejected.Add(new RejectedEvent(_submissions[index].Submission.Index, _submissions[index].Submission.Id, _rejections[index]!.Code, _rejections[index]!.Detail));
                    break;
            }
        }

        return new IngestReply(accepted, duplicates, rejected);
    }

    void CompareWith(int index, UsageEvent first)
    {
        if (EventAt(index) == first)
        {
            _outcomes[index] = Outcome.Duplicate;
        }
        else
        {
            Reject(index, Conflict);
        }
    }

    UsageEvent EventAt(int index) => _submissions[index].Submission.Event!;

    void Reject(int index, Rejection rejection) => (_outcomes[index], _rejections[index]) = (Outcome.Rejected, rejection);

    static Rejection? CheckTime(UsageEvent usage, DateTimeOffset now, bool anyAge) =>
        usage.OccurredAt > now + MaximumAhead ? InFuture : usage.OccurredAt < now - MaximumAge && !anyAge ? TooOld : null;
}
