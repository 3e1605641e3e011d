using System.Globalization;

namespace ControlPlane.Local.Demo;

/// <summary>
/// Packs a tenant's events into deliveries of different sizes and forms, and mixes in what goes wrong between a gateway and a platform.
/// Repeats and conflicts name events of earlier days or of the same delivery, so that deliveries of one day may overtake each other.
/// </summary>
sealed class DeliveryWriter(DemoTenant tenant, Random random)
{
    readonly List<DemoEvent> _known = [];
    int _broken;

    /// <param name="clock">The platform's time when they are sent.</param>
    public List<Delivery> Write(List<DemoEvent> events, DateTimeOffset clock)
    {
        _known.RemoveAll(usage => usage.OccurredAt < clock.AddDays(-DemoScript.AcceptedForDays));
        var deliveries = new List<Delivery>();
        for (var sent = 0; sent < events.Count;)
        {
            var form = (DeliveryForm)random.Next(5);
            var size = form switch { DeliveryForm.One => 1, DeliveryForm.Ndjson => random.Next(20, 400), _ => random.Next(1, 60) };
            var entries = events.Skip(sent).Take(size).Select(usage => new Entry(usage, ExpectedOutcome.Accepted)).ToList();
            sent += entries.Count;
            if (form != DeliveryForm.One)
            {
                MixIn(entries, clock);
            }

            Send(deliveries, new Delivery(tenant, form, entries));
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
            case 1 when delivery.Form is not DeliveryForm.Ndjson:
                deliveries.Add(delivery with { Corruption = Corruption.CutShort });
                deliveries.Add(delivery);
                break;
            case 2 when delivery.Form is not DeliveryForm.Ndjson:
                deliveries.Add(delivery with { Corruption = Corruption.Forged });
                deliveries.Add(delivery);
                break;
            case 3 when _known.Count > 0:
                deliveries.Add(delivery);
                deliveries.Add(new Delivery(tenant, DeliveryForm.Array, [.. Enumerable.Range(0, 20).Select(_ => new Entry(AnyKnown(), ExpectedOutcome.Duplicate))]));
                break;
            default:
                deliveries.Add(delivery);
                break;
        }
    }

    // About one delivery in three has something in it besides new events.
    void MixIn(List<Entry> entries, DateTimeOffset clock)
    {
        switch (random.Next(12))
        {
            case 0:
                entries.Add(new Entry(entries[random.Next(entries.Count)].Event, ExpectedOutcome.Duplicate));
                break;
            case 1 when _known.Count > 0:
                entries.Insert(random.Next(entries.Count + 1), new Entry(AnyKnown(), ExpectedOutcome.Duplicate));
                break;
            case 2:
                entries.Insert(random.Next(entries.Count + 1), Broken((ExpectedOutcome)random.Next((int)ExpectedOutcome.Malformed, (int)ExpectedOutcome.Conflict), clock));
                break;
            case 3 when _known.Count > 0:
                var known = AnyKnown();
                entries.Add(new Entry(known with { PromptTokens = known.PromptTokens + 1 + random.Next(100) }, ExpectedOutcome.Conflict));
                break;
        }
    }

    Entry Broken(ExpectedOutcome fate, DateTimeOffset clock)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"broken-{++_broken:0000}");
        var sound = new DemoEvent(id, clock.AddMinutes(-10), $"{tenant.Slug}-user-1", "chat", tenant.Models[0].Model, random.Next(1, 1000), 10);
        return new Entry(
            fate switch
            {
                ExpectedOutcome.Malformed => sound with { PromptTokens = -1 },
                ExpectedOutcome.UnknownModel => sound with { Model = "gpt-9-rumoured" },
                ExpectedOutcome.InFuture => sound with { OccurredAt = clock.AddHours(random.Next(1, 100)) },
                _ => sound with { OccurredAt = clock.AddDays(-random.Next(DemoScript.AcceptedForDays + 1, 400)) },
            }, fate);
    }

    DemoEvent AnyKnown() => _known[random.Next(_known.Count)];
}
