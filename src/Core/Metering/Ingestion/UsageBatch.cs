using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Metering.Ingestion;

public sealed record PricedEvent(UsageEvent Event, decimal Cost);

/// <param name="ReceivedAt">Business time. Whether an event is too old or in the future goes by it, however long it waited.</param>
public readonly record struct ReceivedSubmission(Submission Submission, DateTimeOffset ReceivedAt);

/// <summary>What goes to quarantine, and why.</summary>
public readonly record struct RejectedSubmission(Submission Submission, DateTimeOffset ReceivedAt, Rejection Why);

/// <summary>Sorts a tenant's submissions into accepted, duplicate and rejected. Pure: the database's answers are passed in.</summary>
public sealed class UsageBatch
{
    /// <summary>Older events are held in quarantine: by then their period is invoiced and the books may be closed.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromDays(35);

    /// <summary>How far a gateway's clock may be ahead of ours.</summary>
    public static readonly TimeSpan MaximumAhead = TimeSpan.FromMinutes(5);

    static readonly Rejection s_conflict = new(Rejection.Codes.Conflict, "this id was reported before with other content: the first report stands");
    static readonly Rejection s_noSubscription = new(Rejection.Codes.NoSubscription, "the tenant has no subscription yet: verify its mail address first");

    enum Outcome
    {
        /// <summary>Asked of the database, and new unless it says otherwise.</summary>
        Accepted,
        Duplicate,
        Rejected,
    }

    readonly IReadOnlyList<ReceivedSubmission> _submissions;
    readonly Outcome[] _outcomes;
    readonly Rejection?[] _rejections;
    readonly Dictionary<string, int> _candidates;
    // What comes after a candidate of the same id.
    readonly List<int> _repeats = [];

    /// <param name="anyAge">An operator's replay: events older than <see cref="MaximumAge"/> are counted too.</param>
    public UsageBatch(IReadOnlyList<ReceivedSubmission> submissions, bool anyAge = false)
    {
        _submissions = submissions;
        _outcomes = new Outcome[submissions.Count];
        _rejections = new Rejection?[submissions.Count];
        _candidates = new Dictionary<string, int>(submissions.Count, StringComparer.Ordinal);
        for (var place = 0; place < submissions.Count; place++)
        {
            var (submission, receivedAt) = submissions[place];
            if (submission.Event is not { } usage)
            {
                Reject(place, submission.Rejection!);
            }
            else if (Untimely(usage, receivedAt, anyAge) is { } untimely)
            {
                Reject(place, untimely);
            }
            else if (!_candidates.TryAdd(usage.Id, place))
            {
                _repeats.Add(place);
            }
        }
    }

    /// <summary>Readable, timely, and the first of their id in the batch.</summary>
    public IEnumerable<UsageEvent> Candidates => _candidates.Values.Select(EventAt);

    /// <summary>Candidates with a price, ready to be inserted.</summary>
    public IReadOnlyList<PricedEvent> Priced { get; private set; } = [];

    /// <summary>Of what was inserted, what the database had not seen before.</summary>
    public IReadOnlyList<PricedEvent> Fresh { get; private set; } = [];

    /// <summary>Ids that the database knew already.</summary>
    public IReadOnlyList<string> Known { get; private set; } = [];

    /// <summary>What goes to quarantine, with its reason.</summary>
    public IEnumerable<RejectedSubmission> Rejected =>
        Enumerable.Range(0, _submissions.Count).Where(place => _outcomes[place] == Outcome.Rejected)
            .Select(place => new RejectedSubmission(_submissions[place].Submission, _submissions[place].ReceivedAt, _rejections[place]!));

    public void Price(ModelPrices prices, Subscription? subscription)
    {
        var priced = new List<PricedEvent>(_candidates.Count);
        foreach (var place in _candidates.Values)
        {
            var usage = EventAt(place);
            if (subscription is null)
            {
                Reject(place, s_noSubscription);
            }
            else if (prices.CostOf(usage) is { } cost)
            {
                priced.Add(new PricedEvent(usage, cost));
            }
            else
            {
                Reject(place, new(Rejection.Codes.UnknownModel, $"model \"{usage.Model}\" is not in the catalog: an operator can add it and replay the event"));
            }
        }

        Priced = priced;
    }

    /// <param name="fresh">Ids of <see cref="Priced"/> that were inserted.</param>
    public void Accept(IReadOnlyCollection<string> fresh)
    {
        if (fresh.Count == Priced.Count)
        {
            Fresh = Priced;
            return;
        }

        var inserted = fresh.ToHashSet(StringComparer.Ordinal);
        Fresh = Priced.Where(p => inserted.Contains(p.Event.Id)).ToList();
        Known = Priced.Select(p => p.Event.Id).Where(id => !inserted.Contains(id)).ToList();
    }

    /// <summary>The last step: tells repetitions from conflicts.</summary>
    /// <param name="known">The events of <see cref="Known"/> as they were counted.</param>
    public void Compare(IReadOnlyCollection<UsageEvent> known)
    {
        var counted = known.ToDictionary(usage => usage.Id, StringComparer.Ordinal);
        foreach (var first in known)
        {
            Repeated(_candidates[first.Id], first);
        }

        foreach (var place in _repeats)
        {
            var candidate = _candidates[EventAt(place).Id];
            if (counted.GetValueOrDefault(EventAt(place).Id) is { } first)
            {
                Repeated(place, first);
            }
            else if (_rejections[candidate] is { } why && EventAt(place) == EventAt(candidate))
            {
                Reject(place, why);
            }
            else
            {
                Repeated(place, EventAt(candidate));
            }
        }
    }

    /// <summary>What became of some of the submissions.</summary>
    public IngestReply Reply(int start, int count)
    {
        var (accepted, duplicates, rejected) = (0L, 0L, new List<RejectedEvent>());
        for (var place = start; place < start + count; place++)
        {
            switch (_outcomes[place])
            {
                case Outcome.Accepted:
                    accepted++;
                    break;
                case Outcome.Duplicate:
                    duplicates++;
                    break;
                default:
                    rejected.Add(new RejectedEvent(_submissions[place].Submission.Index, _submissions[place].Submission.Id, _rejections[place]!.Code, _rejections[place]!.Detail));
                    break;
            }
        }

        return new IngestReply(accepted, duplicates, rejected);
    }

    void Repeated(int place, UsageEvent first)
    {
        if (EventAt(place) == first)
        {
            _outcomes[place] = Outcome.Duplicate;
        }
        else
        {
            Reject(place, s_conflict);
        }
    }

    UsageEvent EventAt(int place) => _submissions[place].Submission.Event!;

    void Reject(int place, Rejection why) => (_outcomes[place], _rejections[place]) = (Outcome.Rejected, why);

    static Rejection? Untimely(UsageEvent usage, DateTimeOffset now, bool anyAge) =>
        usage.OccurredAt > now + MaximumAhead
            ? new(Rejection.Codes.InFuture, $"occurred_at is more than {MaximumAhead.TotalMinutes:0} minutes ahead of our clock: check the reporter's clock")
            : usage.OccurredAt < now - MaximumAge && !anyAge
                ? new(Rejection.Codes.TooOld, $"occurred_at is more than {MaximumAge.TotalDays:0} days ago: an operator has to decide on it")
                : null;
}
