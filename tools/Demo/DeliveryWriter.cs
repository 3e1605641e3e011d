using System.Globalization;

namespace ControlPlane.Demo;

/// <summary>
/// Packs a tenant's events into deliveries of different sizes and formats, and adds the faults that occur between a gateway and a platform.
/// Repeats and conflicts name events of earlier days or of the same delivery, so the deliveries of one day may arrive in any order.
/// </summary>
sealed class DeliveryWriter(DemoTenant tenant, Random random)
{
    readonly List<DemoEvent> _known = [];
    int _broken;

    /// <param name="clock">The platform's time at sending.</param>
    public List<Delivery> Write(List<DemoEvent> events, DateTimeOffset clock)
    {
        _known.RemoveAll(usage => usage.OccurredAt < clock.AddDays(-DemoScript.AcceptedForDays));
        var deliveries = new List<Delivery>();
        for (var sent = 0; sent < events.Count;)
        {
            var format = (DeliveryFormat)random.Next(5);
            var size = format switch { DeliveryFormat.One => 1, DeliveryFormat.Ndjson => random.Next(20, 400), _ => random.Next(1, 60) };
            var entries = events.Skip(sent).Take(size).Select(usage => new Entry(usage, ExpectedOutcome.Accepted)).ToList();
            sent += entries.Count;
            if (format != DeliveryFormat.One)
            {
                AddFaults(entries, clock);
            }

            Send(deliveries, new Delivery(tenant, format, entries));
        }

        _known.AddRange(events);
        return deliveries;
    }

    void Send(List<Delivery> deliveries, Delivery delivery)
    {
        switch (random.Next(60))
        {
            case 0:
                deliveries.Add(delivery with { Times = 3 });
                break;
            case 1 when delivery.Format is not DeliveryFormat.Ndjson:
                deliveries.Add(delivery with { Corruption = Corruption.Truncated });
                deliveries.Add(delivery);
                break;
            case 2 when delivery.Format is not DeliveryFormat.Ndjson:
                deliveries.Add(delivery with { Corruption = Corruption.Forged });
                deliveries.Add(delivery);
                break;
            case 3 when _known.Count > 0:
                deliveries.Add(delivery);
                deliveries.Add(new Delivery(tenant, DeliveryFormat.Array, [.. Enumerable.Range(0, 20).Select(_ => new Entry(RandomKnownEvent(), ExpectedOutcome.Duplicate))]));
                break;
            default:
                deliveries.Add(delivery);
                break;
        }
    }

    // About one delivery in three contains more than new events.
    void AddFaults(List<Entry> entries, DateTimeOffset clock)
    {
        switch (random.Next(12))
        {
            case 0:
                entries.Add(new Entry(entries[random.Next(entries.Count)].Event, ExpectedOutcome.Duplicate));
                break;
            case 1 when _known.Count > 0:
                entries.Insert(random.Next(entries.Count + 1), new Entry(RandomKnownEvent(), ExpectedOutcome.Duplicate));
                break;
            case 2:
                entries.Insert(random.Next(entries.Count + 1), Broken((ExpectedOutcome)random.Next((int)ExpectedOutcome.Malformed, (int)ExpectedOutcome.Conflict), clock));
                break;
            case 3 when _known.Count > 0:
                var known = RandomKnownEvent();
                entries.Add(new Entry(known with { PromptTokens = known.PromptTokens + 1 + random.Next(100) }, ExpectedOutcome.Conflict));
                break;
        }
    }

    Entry Broken(ExpectedOutcome outcome, DateTimeOffset clock)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"broken-{++_broken:0000}");
        var valid = new DemoEvent(id, clock.AddMinutes(-10), $"{tenant.Slug}-user-1", "chat", tenant.Models[0].Model, random.Next(1, 1000), 10);
        return new Entry(
            outcome switch
            {
                ExpectedOutcome.Malformed => valid with { PromptTokens = -1 },
                ExpectedOutcome.UnknownModel => valid with { Model = "gpt-9-rumoured" },
                ExpectedOutcome.InFuture => valid with { OccurredAt = clock.AddHours(random.Next(1, 100)) },
                _ => valid with { OccurredAt = clock.AddDays(-random.Next(DemoScript.AcceptedForDays + 1, 400)) },
            }, outcome);
    }

    DemoEvent RandomKnownEvent() => _known[random.Next(_known.Count)];
}
