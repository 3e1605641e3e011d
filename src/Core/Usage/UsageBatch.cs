using ControlPlane.Plans;

namespace ControlPlane.Usage;

public sealed record PricedEvent(UsageEvent Event, decimal Cost);

/// <summary>Sorts a batch of submissions into accepted, duplicate and rejected. Pure: the database's answers are passed in.</summary>
public sealed class UsageBatch
{
    /// <summary>Older events are held in quarantine: by then their period is invoiced and the books may be closed.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromDays(35);

    /// <summary>How far a gateway's clock may be ahead of ours.</summary>
    public static readonly TimeSpan MaximumAhead = TimeSpan.FromMinutes(5);

    readonly List<Submission> _candidates = [];
    readonly List<Submission> _rejected = [];
    readonly List<PricedEvent> _priced = [];
    readonly HashSet<string> _fresh = new(StringComparer.Ordinal);

    public UsageBatch(IEnumerable<Submission> submissions, DateTimeOffset now, bool anyAge = false)
    {
        var first = new Dictionary<string, UsageEvent>(StringComparer.Ordinal);
        foreach (var submission in submissions)
        {
            if (submission.Event is not { } usage)
            {
                _rejected.Add(submission);
            }
            else if (Untimely(usage, now, anyAge) is { } untimely)
            {
                _rejected.Add(submission with { Rejection = untimely });
            }
            else if (first.TryAdd(usage.Id, usage))
            {
                _candidates.Add(submission);
            }
            else
            {
                CountRepeated(submission, first[usage.Id].Digest());
            }
        }
    }

    /// <summary>Readable, timely, and the first of their id in the batch.</summary>
    public IReadOnlyList<Submission> Candidates => _candidates;

    /// <summary>Candidates with a price, ready to be inserted.</summary>
    public IReadOnlyList<PricedEvent> Priced => _priced;

    /// <summary>What the database had not seen before.</summary>
    public IReadOnlyCollection<string> Accepted => _fresh;

    public IReadOnlyList<Submission> Rejected => _rejected;

    public long Duplicates { get; private set; }

    /// <summary>Candidates whose id the database knew already.</summary>
    public IReadOnlyList<Submission> NotFresh { get; private set; } = [];

    public void Price(ModelPrices prices, Subscription? subscription)
    {
        foreach (var candidate in _candidates)
        {
            var usage = candidate.Event!;
            if (subscription is null)
            {
                _rejected.Add(candidate with { Rejection = new(Rejection.Codes.NoSubscription, "the tenant has no subscription yet: verify its mail address first") });
            }
            else if (prices.CostOf(usage) is { } cost)
            {
                _priced.Add(new PricedEvent(usage, cost));
            }
            else
            {
                _rejected.Add(candidate with
                {
                    Rejection = new(Rejection.Codes.UnknownModel, $"model \"{usage.Model}\" is not in the catalog: an operator can add it and replay the event"),
                });
            }
        }
    }

    public void Accept(IEnumerable<string> freshIds)
    {
        _fresh.UnionWith(freshIds);
        var priced = _priced.Select(p => p.Event.Id).ToHashSet(StringComparer.Ordinal);
        NotFresh = _candidates.Where(c => priced.Contains(c.Event!.Id) && !_fresh.Contains(c.Event.Id)).ToList();
    }

    /// <param name="digests">By id, of the receipts of <see cref="NotFresh"/>.</param>
    public void Compare(IReadOnlyDictionary<string, byte[]> digests)
    {
        foreach (var submission in NotFresh)
        {
            CountRepeated(submission, digests[submission.Event!.Id]);
        }
    }

    void CountRepeated(Submission submission, byte[] known)
    {
        if (known.AsSpan().SequenceEqual(submission.Event!.Digest()))
        {
            Duplicates++;
        }
        else
        {
            _rejected.Add(submission with
            {
                Rejection = new(Rejection.Codes.Conflict, "this id was reported before with other content: the first report stands"),
            });
        }
    }

    static Rejection? Untimely(UsageEvent usage, DateTimeOffset now, bool anyAge) =>
        usage.OccurredAt > now + MaximumAhead
            ? new(Rejection.Codes.InFuture, $"occurred_at is more than {MaximumAhead.TotalMinutes:0} minutes ahead of our clock: check the reporter's clock")
            : usage.OccurredAt < now - MaximumAge && !anyAge
                ? new(Rejection.Codes.TooOld, $"occurred_at is more than {MaximumAge.TotalDays:0} days ago: an operator has to decide on it")
                : null;
}
