namespace ControlPlane.Demo;

/// <summary>One day of the demo: the time to which the clock is advanced, and what is sent then. Deliveries of one day do not depend on each other.</summary>
/// <param name="Clock">The day's last second: all calls of the day have happened and its period is still open.</param>
public sealed record DemoDay(DateTimeOffset Clock, IReadOnlyList<Delivery> Deliveries);

/// <summary>
/// Everything the demo will send and the outcome it expects, decided in advance. Pure: the same trace and seed give the same script.
/// A trace is spread over the days in order of arrival and assigned to tenants, users and models at random.
/// </summary>
public sealed class DemoScript
{
    /// <summary>Calls per 1,000 that are reported days after they happened.</summary>
    const int DelayedPerMille = 15;

    const int MaxDelayDays = 30;

    /// <summary>Older events go to quarantine, even if they were reported before.</summary>
    internal const int AcceptedForDays = 35;

    readonly Random _random;
    readonly DateTimeOffset _start;
    readonly int _days;
    readonly IReadOnlyList<DemoTenant> _tenants;

    DemoScript(DateTimeOffset start, int days, int seed, IReadOnlyList<DemoTenant> tenants) =>
        (_start, _days, _random, _tenants) = (start, days, new Random(seed), tenants);

    /// <param name="start">00:00 UTC of the first day.</param>
    public static List<DemoDay> Write(IReadOnlyList<TraceCall> trace, DateTimeOffset start, int days, int seed, IReadOnlyList<DemoTenant> tenants) =>
        new DemoScript(start, days, seed, tenants).Write(trace);

    List<DemoDay> Write(IReadOnlyList<TraceCall> trace)
    {
        var reported = trace.Select(Assign).GroupBy(call => (call.ReportedOn, call.Tenant)).ToDictionary(g => g.Key, g => g.Select(call => call.Event).ToList());
        var batching = _tenants.ToDictionary(tenant => tenant, tenant => new DeliveryWriter(tenant, _random));
        return [.. Enumerable.Range(0, _days).Select(day =>
        {
            var clock = _start.AddDays(day + 1).AddSeconds(-1);
            return new DemoDay(clock, [.. _tenants.SelectMany(tenant => batching[tenant].Write(reported.GetValueOrDefault((day, tenant), []), clock))]);
        })];

        (int ReportedOn, DemoTenant Tenant, DemoEvent Event) Assign(TraceCall call, int index)
        {
            var occurredAt = Stretch(call.ArrivedAt, trace[0].ArrivedAt, trace[^1].ArrivedAt);
            var tenant = Pick(_tenants, candidate => candidate.Share);
            var user = _random.Next(_random.Next(tenant.Users) + 1) + 1;
            var usage = new DemoEvent(
                $"call-{index + 1:000000}", occurredAt, $"{tenant.Slug}-user-{user}", $"chat-{user}-{occurredAt:yyyyMMdd}",
                Pick(tenant.Models, model => model.Percent).Model, call.PromptTokens, call.CompletionTokens);
            var delay = _random.Next(1000) < DelayedPerMille ? _random.Next(1, MaxDelayDays + 1) : 0;
            return (Math.Min((occurredAt - _start).Days + delay, _days - 1), tenant, usage);
        }
    }

    DateTimeOffset Stretch(DateTimeOffset arrivedAt, DateTimeOffset first, DateTimeOffset last)
    {
        var span = TimeSpan.FromDays(_days).Ticks;
        var ticks = (long)((Int128)(arrivedAt - first).Ticks * span / ((last - first).Ticks + 1));
        return _start.AddTicks(ticks - (ticks % TimeSpan.TicksPerMicrosecond));
    }

    T Pick<T>(IReadOnlyList<T> options, Func<T, int> weight)
    {
        var left = _random.Next(options.Sum(weight));
        return options.First(option => (left -= weight(option)) < 0);
    }
}
