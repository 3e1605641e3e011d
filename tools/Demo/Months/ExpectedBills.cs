namespace ControlPlane.Demo.Months;

/// <summary>EUR.</summary>
/// <param name="Tokens">Used in the period.</param>
public sealed record ExpectedBill(long Tokens, decimal Base, decimal Overage)
{
    /// <summary>Before tax.</summary>
    public decimal Net => Base + Overage;
}

/// <summary>The demo's own books about one customer: what it used under which plan, and what that must cost. Computed without the platform's code.</summary>
/// <param name="start">Of the first period: 00:00 UTC on the first day of a month.</param>
public sealed class ExpectedBills(DateTimeOffset start, string plan)
{
    readonly List<(DateTimeOffset From, string? Plan)> _plans = [(start, plan)];
    readonly List<(DateTimeOffset At, long Tokens)> _used = [];

    public long Tokens => _used.Sum(used => used.Tokens);

    public void Use(DateTimeOffset at, long tokens) => _used.Add((at, tokens));

    /// <param name="plan">null: none, from then on nothing is charged.</param>
    public void Switch(DateTimeOffset at, string? plan) => _plans.Add((at, plan));

    /// <summary>Forgets the last switch.</summary>
    public void Undo() => _plans.RemoveAt(_plans.Count - 1);

    /// <param name="period">Counted from 1.</param>
    /// <returns>null: there is nothing to charge.</returns>
    public ExpectedBill? Of(int period)
    {
        var (from, to) = (start.AddMonths(period - 1), start.AddMonths(period));
        var (tokens, charge, overage, left, isCharged) = (0L, 0m, 0m, 0L, false);
        foreach (var (index, (since, name)) in _plans.Index())
        {
            var until = index + 1 < _plans.Count ? _plans[index + 1].From : DateTimeOffset.MaxValue;
            var (first, last) = (since > from ? since : from, until < to ? until : to);
            if (first >= last)
            {
                continue;
            }

            var used = _used.Where(call => call.At >= first && call.At < last).Sum(call => call.Tokens);
            tokens += used;
            if (name is null)
            {
                continue;
            }

            var terms = Terms[name];
            var (seconds, all) = ((long)(last - first).TotalSeconds, (long)(to - from).TotalSeconds);
            var included = (terms.Included * seconds / all) + left;
            isCharged = true;
            charge += Cents(terms.EurPerMonth * seconds / all);
            overage += Cents(Math.Max(0, used - included) * terms.EurPerThousand / 1000m);
            left = Math.Max(0, included - used);
        }

        return isCharged ? new ExpectedBill(tokens, charge, overage) : null;
    }

    static decimal Cents(decimal amount) => Math.Round(amount, 2, MidpointRounding.AwayFromZero);

    /// <summary>A copy of the price list, so that the check is independent of what the platform charges.</summary>
    static readonly Dictionary<string, (decimal EurPerMonth, long Included, decimal EurPerThousand)> Terms = new(StringComparer.Ordinal)
    {
        ["basic"] = (9.90m, 1_000_000, 0.01m),
        ["premium"] = (49.90m, 10_000_000, 0.008m),
    };
}
