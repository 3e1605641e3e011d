using ControlPlane.Tests.Support.Billing;

namespace ControlPlane.Tests;

/// <summary>The whole billing cycle over SQL, under random lives of tenants. A failure prints the seed; CONTROLPLANE_TEST_SEED repeats it.</summary>
public sealed class BillingLifeProperties
{
    const int Tenants = 3;

    static readonly string[] Outcomes = ["succeed", "succeed", "succeed", "pending", "insufficient_funds", "decline", "authentication_required", "lost_card"];

    /// <summary>Nothing of them is tried again or decided days later. A retry and a stage that are due at one instant, as after an outage, may change that stage's hour by their order.</summary>
    static readonly string[] DecidedAtOnce = ["succeed", "succeed", "authentication_required", "lost_card"];

    static readonly DateTimeOffset Start = new(2026, 1, 29, 5, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Three_years_of_random_lives_balance_to_the_cent_whenever_jobs_run_and_the_server_restarts()
    {
        var seed = Seeds.Next();
        var random = new Random(seed);
        var life = new BillingLife(seed, Tenants, Outcomes);
        var database = await TestCluster.NewDatabaseAsync();
        var server = await TestServer.StartAsync(clock: Start, database: database, keepDatabase: true);
        try
        {
            for (var now = Start; now < Start.AddYears(3); now += life.NextPause())
            {
                if (random.Next(100) == 0)
                {
                    await server.DisposeAsync();
                    server = await TestServer.StartAsync(database: database, keepDatabase: true);
                }

                await server.JumpAsync(now);
                await life.ActAsync(server);
                await RunAsync(server, random.Next(4));
                if (random.Next(10) == 0)
                {
                    await CheckAsync(server, life, $"Seed {seed}, {now:u}");
                }
            }

            await CheckAsync(server, life, $"Seed {seed}, at the end");
        }
        finally
        {
            await server.DisposeAsync();
            await TestCluster.DropAsync(database);
        }
    }

    [Fact]
    public async Task In_which_order_jobs_run_makes_no_difference()
    {
        var seed = Seeds.Next();
        var results = await Task.WhenAll(PlayAsync(seed, ["billing", "payments"]), PlayAsync(seed, ["payments", "billing"]));
        Assert.True(results[0] == results[1], $"Seed {seed}:\n{results[0]}\n\nwith payments before billing:\n{results[1]}");
    }

    /// <returns>Invoices and stages, one a line.</returns>
    static async Task<string> PlayAsync(int seed, string[] jobs)
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        var life = new BillingLife(seed, Tenants, DecidedAtOnce);
        for (var now = Start; now < Start.AddMonths(6); now += life.NextPause())
        {
            await server.JumpAsync(now);
            await life.ActAsync(server);
            // Until neither has anything to do: what one leaves due, the other may take up.
            foreach (var job in jobs.Concat(jobs).Append(jobs[0]))
            {
                Assert.Empty((await (job == "billing" ? Billing(server) : Payments(server))).Failures);
            }
        }

        return string.Join('\n', await server.ListAsync(Summary, life.Tenants.ToArray()));
    }

    /// <summary>The jobs in some order, once or twice, with several runners or one. Billing is last, because it moves the stages that time has made due.</summary>
    static async Task RunAsync(TestServer server, int order)
    {
        switch (order)
        {
            case 0:
                await Payments(server);
                break;
            case 1:
                await Billing(server);
                await Payments(server);
                break;
            case 2:
                await Task.WhenAll(Billing(server), Payments(server), Billing(server));
                break;
        }

        Assert.Empty((await Billing(server)).Failures);
    }

    static Task<JobReport> Billing(TestServer server) => Task.Run(() => server.Services.GetRequiredService<RunBillingCycle>().RunAsync(default));

    static Task<JobReport> Payments(TestServer server) => Task.Run(() => server.Services.GetRequiredService<CollectPayments>().RunAsync(default));

    static async Task CheckAsync(TestServer server, BillingLife life, string when)
    {
        var violations = await BillingRules.ViolationsAsync(server, life.Reported);
        Assert.True(violations.Count == 0, $"{when}: {string.Join("; ", violations)}");
    }

    const string Summary = """
        select array_agg(line order by place, number) from (
            select place, p.number,
                   concat_ws(' ', 'tenant', place, 'period', p.number, p.stage, p.stage_since at time zone 'UTC', i.total_amount, i.status, i.token_usage,
                             (select sum(amount) from control.settlement s where s.invoice_id = i.id and s.kind in ('payment', 'reversal'))) as line
            from unnest($1::uuid[]) with ordinality t(tenant, place)
            join control.billing_period p on p.tenant_id = t.tenant left join control.invoice i on i.id = p.invoice_id) lines
        """;
}
