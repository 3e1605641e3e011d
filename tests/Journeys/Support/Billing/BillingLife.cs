using System.Text.Json;

namespace ControlPlane.Tests.Support.Billing;

/// <summary>
/// Tenants that live at random over one database: usage, changes of plan, cancellations and returns, payments with every outcome, jobs at any time. The same seed gives the same life, whatever
/// runs the jobs.
/// </summary>
/// <param name="outcomes">Of payments.</param>
sealed class BillingLife(int seed, int tenants, IReadOnlyList<string> outcomes)
{
    static readonly string[] Plans = ["basic", "premium"];

    readonly Random _random = new(seed);
    readonly TestTenant?[] _places = new TestTenant?[tenants];
    readonly Dictionary<Guid, long> _reported = [];
    int _events;

    /// <summary>Every tenant that ever was, in the order of creation.</summary>
    public List<Guid> Tenants { get; } = [];

    /// <summary>Tokens that were accepted, by tenant.</summary>
    public IReadOnlyDictionary<Guid, long> Reported => _reported;

    /// <summary>How far the clock moves until something happens again: hours in which stages change, days, and sometimes the weeks of an outage.</summary>
    public TimeSpan NextPause() => _random.Next(10) switch
    {
        < 5 => TimeSpan.FromMinutes(_random.Next(300, 1_800)),
        < 8 => TimeSpan.FromMinutes(_random.Next(2_000, 8_000)),
        _ => TimeSpan.FromMinutes(_random.Next(10_000, 36_000)),
    };

    /// <summary>What some of the tenants do now.</summary>
    public async Task ActAsync(TestServer server)
    {
        for (var place = 0; place < tenants; place++)
        {
            var (action, choice, detail) = (_random.Next(12), _random.Next(1_000_000), _random.Next(1_000_000));
            if (_places[place] is not { } tenant || await server.ReadAsync<bool>("select is_deleted from control.tenant where id = $1", tenant.Id))
            {
                tenant = await JoinAsync(server, place, choice);
            }

            await ActAsync(server, tenant.Id, action, choice, detail);
        }
    }

    async Task<TestTenant> JoinAsync(TestServer server, int place, int choice)
    {
        var tenant = await server.CreateTenantAsync(Plans[choice % 2]);
        await server.SetAddressAsync(tenant);
        await (place == 0 ? server.PayByTransferAsync(tenant) : Task.CompletedTask);
        _reported[tenant.Id] = 0;
        Tenants.Add(tenant.Id);
        return _places[place] = tenant;
    }

    Task ActAsync(TestServer server, Guid tenant, int action, int choice, int detail)
    {
        var services = server.Services;
        return action switch
        {
            0 or 1 or 2 or 3 => ReportAsync(server, tenant, choice, detail),
            4 => services.GetRequiredService<ChangePlan>().RunAsync(tenant, Plans[choice % 2], null, "test", default),
            5 when choice % 3 == 0 => services.GetRequiredService<CancelSubscription>().RunAsync(tenant, "test", default),
            6 when choice % 2 == 0 => services.GetRequiredService<CancelSubscription>().UndoAsync(tenant, "test", default),
            7 or 8 => services.GetRequiredService<SetSandboxOutcome>().RunAsync(tenant, outcomes[choice % outcomes.Count], "test", default),
            9 or 10 => PayAsync(server, tenant, choice),
            11 when choice % 3 == 0 => services.GetRequiredService<SetSandboxOutcome>().RunAsync(tenant, SetSandboxOutcome.Reverse, "test", default),
            _ => Task.CompletedTask,
        };
    }

    /// <summary>A call of any time that is still accepted, often of a period that has its invoice.</summary>
    async Task ReportAsync(TestServer server, Guid tenant, int choice, int detail)
    {
        var at = server.Clock.GetUtcNow().AddMinutes(-(choice % 3 == 0 ? choice % (34 * 24 * 60) : choice % 600));
        var submission = ReadUsage.Parse(UsageFormat.Event, JsonSerializer.Serialize(Deliveries.Event($"call-{++_events}", at, detail, detail / 3)));
        var reply = await server.Services.GetRequiredService<RecordUsage>().RunAsync(tenant, [submission], default);
        _reported[tenant] += reply.Accepted * (detail + (detail / 3));
    }

    /// <summary>Clicks on the oldest open invoice, or transfers some, all or too much of it.</summary>
    static async Task PayAsync(TestServer server, Guid tenant, int choice)
    {
        var open = await server.ReadAsync<string>(OldestOpen, tenant);
        if (open is null)
        {
            return;
        }

        if (choice % 3 > 0)
        {
            await server.Services.GetRequiredService<PayInvoice>().RunAsync(tenant, open, "test", default);
            return;
        }

        var amount = await server.ReadAsync<decimal>("select total_amount from control.invoice where number = $1", open) * (choice % 2 == 0 ? 1m : 0.5m + (choice % 100 / 50m));
        await server.Services.GetRequiredService<RecordTransfer>().RunAsync(
            open, Math.Max(0.01m, Math.Round(amount, 2)), DateOnly.FromDateTime(server.Clock.GetUtcNow().UtcDateTime), $"R{choice}", "test", default);
    }

    const string OldestOpen = """
        select min(i.number) from control.invoice i
        where i.tenant_id = $1 and i.status in ('open', 'pending')
        """;
}
