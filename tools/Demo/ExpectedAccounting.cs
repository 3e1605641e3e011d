namespace ControlPlane.Demo;

/// <summary>Requests, tokens and model cost.</summary>
/// <param name="Cost">EUR, exact.</param>
public readonly record struct Sums(long Requests, long Tokens, decimal Cost)
{
    public static Sums operator +(Sums a, Sums b) => new(a.Requests + b.Requests, a.Tokens + b.Tokens, a.Cost + b.Cost);
}

/// <summary>The amounts that an invoice must show.</summary>
/// <param name="Tokens">All tokens billed: those of its period and late ones.</param>
/// <param name="LateTokens">Tokens of the previous period, reported after its invoice.</param>
/// <param name="Base">EUR.</param>
/// <param name="Overage">EUR, cents; excludes late tokens.</param>
/// <param name="Late">EUR, cents.</param>
public sealed record ExpectedInvoice(long Tokens, long LateTokens, decimal Base, decimal Overage, decimal Late)
{
    public decimal Total => Base + Overage + Late;
}

/// <summary>The demo's own accounting: counts what it sends, and computes every sum and invoice without the platform's code.</summary>
/// <param name="start">Start of the first billing period: 00:00 UTC on the first day of a month.</param>
public sealed class ExpectedAccounting(DateTimeOffset start)
{
    readonly List<(DemoTenant Tenant, DemoEvent Event, bool Late)> _accepted = [];
    readonly Dictionary<DemoTenant, Outcome> _outcomes = [];

    public void Add(Delivery delivery, DateTimeOffset clock)
    {
        _outcomes[delivery.Tenant] = OutcomeOf(delivery.Tenant) + delivery.Expected;
        if (delivery.Corruption == Corruption.None)
        {
            _accepted.AddRange(delivery.Entries.Where(entry => entry.ExpectedOutcome == ExpectedOutcome.Accepted)
                .Select(entry => (delivery.Tenant, entry.Event, PeriodOf(entry.Event.OccurredAt) < PeriodOf(clock))));
        }
    }

    public Outcome OutcomeOf(DemoTenant tenant) => _outcomes.GetValueOrDefault(tenant, Outcome.Nothing);

    public Sums SumsOf(DemoTenant tenant) => Sum(Of(tenant));

    public IReadOnlyDictionary<string, Sums> SumsByModel(DemoTenant tenant) =>
        Of(tenant).GroupBy(usage => usage.Model).OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, Sum);

    /// <summary>Calls reported after the invoice of their period.</summary>
    public long LateOf(DemoTenant tenant) => _accepted.LongCount(a => a.Tenant == tenant && a.Late);

    /// <param name="period">Counted from 0.</param>
    /// <returns>null for a trial.</returns>
    public ExpectedInvoice? InvoiceOf(DemoTenant tenant, int period)
    {
        if (tenant.EurPerMonth is not { } perMonth)
        {
            return null;
        }

        var used = TokensOf(tenant, period, late: false);
        var billedBefore = period > 0 ? TokensOf(tenant, period - 1, late: false) : 0;
        var late = period > 0 ? TokensOf(tenant, period - 1, late: true) : 0;
        return new ExpectedInvoice(
            used + late, late, perMonth, Charge(tenant, OverIncluded(tenant, used)),
            Charge(tenant, OverIncluded(tenant, billedBefore + late) - OverIncluded(tenant, billedBefore)));
    }

    static long OverIncluded(DemoTenant tenant, long tokens) => Math.Max(0, tokens - tenant.IncludedTokens);

    static decimal Charge(DemoTenant tenant, long tokens) =>
        Math.Round(tokens * tenant.OverageEurPerThousand / 1000m, 2, MidpointRounding.AwayFromZero);

    static Sums Sum(IEnumerable<DemoEvent> events) =>
        events.Aggregate(default(Sums), (sum, usage) => sum + new Sums(1, usage.TotalTokens, DemoTenant.CostOf(usage)));

    IEnumerable<DemoEvent> Of(DemoTenant tenant) => _accepted.Where(a => a.Tenant == tenant).Select(a => a.Event);

    long TokensOf(DemoTenant tenant, int period, bool late) =>
        _accepted.Where(a => a.Tenant == tenant && a.Late == late && PeriodOf(a.Event.OccurredAt) == period).Sum(a => a.Event.TotalTokens);

    int PeriodOf(DateTimeOffset instant) => ((instant.Year - start.Year) * 12) + instant.Month - start.Month;
}
