using ControlPlane.Infra.Cost;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class CostTests(Stacks stacks)
{
    static readonly string s_page = Path.Combine(StackFile.Root, "docs", "cost.md");

    [Fact]
    public void The_cost_page_is_what_the_plans_cost()
    {
        Golden.SameSection(s_page, "compared", CostPage.Compared(PlanOf("prod")));
        Golden.SameSection(s_page, "per-user", CostPage.PerUser(PlanOf("prod")));
        Golden.SameSection(s_page, "vps", CostPage.Vps(PlanOf("dev")));
    }

    [Fact]
    public void The_first_plan_is_quoted_as_it_was()
    {
        var lines = MonthlyCost.TryOf(PlanOf("prod"), new Workload(100), Purchase.Planned)!.Lines;
        Assert.Equal([200m, 2_000m, 8_000m, 500m, 300m, 200m, 150m, 100m], lines.Where(line => line.PlannedUsd is not null).Select(line => line.PlannedUsd!.Value));
    }

    [Fact]
    public void A_price_can_be_followed_by_hand()
    {
        var lines = MonthlyCost.TryOf(PlanOf("prod"), new Workload(100), Purchase.AsBuilt(PlanOf("prod")))!.Lines.ToDictionary(line => line.Item, line => line.Usd);
        Assert.Equal(0.10m * 730, lines["EKS cluster"]);
        Assert.Equal(5 * (0.34m * 730 + 100 * 0.08m), lines["CPU nodes (standard)"]);
        Assert.Equal(4 * 365 * (0.526m * (0.30m + 0.70m * 0.45m) + 200 * 0.08m / 730), lines["GPU nodes (premium)"]);
        Assert.Equal(2 * 0.168m * 730 + 2 * 100 * 0.115m + 2 * 0.015m * 730, lines["RDS PostgreSQL"]);
    }

    [Theory]
    [InlineData("prod")]
    [InlineData("prod, one region")]
    public async Task Keys_and_secrets_are_counted_as_they_are_made(string stack)
    {
        var (world, plan) = (await stacks.GetAsync(stack), PlanOf("prod", stack == "prod" ? [] : [("standby:region", null)]));
        var secrets = world.Of("aws:secretsmanager/secret:Secret").Sum(secret => 1 + ((IEnumerable<object?>?)secret["replicas"] ?? []).Count());
        var line = MonthlyCost.TryOf(plan, new Workload(100), Purchase.Planned)!.Lines.Single(line => line.Item == "Keys, secrets, names");
        Assert.StartsWith($"{world.Of("aws:kms/key:Key").Count()} keys, {secrets} secrets", line.Of, StringComparison.Ordinal);
    }

    [Fact]
    public void Reserved_and_spot_cost_less_than_on_demand_and_more_users_cost_more()
    {
        var plan = PlanOf("prod");
        var sums = ((int[])[100, 1_000, 10_000]).Select(users => (Built: Sum(users, Purchase.AsBuilt(plan)), Planned: Sum(users, Purchase.Planned))).ToList();
        Assert.All(sums, sum => Assert.True(sum.Planned < sum.Built));
        Assert.Equal(sums.OrderBy(sum => sum.Built), sums);
        Assert.True(sums[2].Built / 10_000 < sums[0].Built / 100, "a user of many is cheaper than a user of few");

        decimal Sum(int users, Purchase purchase) => MonthlyCost.TryOf(plan, new Workload(users), purchase)!.Usd;
    }

    [Fact]
    public void Every_type_of_the_stacks_has_a_price_and_an_unknown_one_is_no_error()
    {
        Assert.All(PlanOf("prod").Cluster.Gpu.InstanceTypes, type => Assert.Contains(type, Prices.PerHour.Keys));
        Assert.Contains("USD a month", CostPage.Summary(PlanOf("prod")), StringComparison.Ordinal);
        Assert.StartsWith("unknown", CostPage.Summary(PlanOf("prod", ("data:databaseClass", "db.x2g.large"))), StringComparison.Ordinal);
    }

    static Plan PlanOf(string name, params (string Key, string? Value)[] changes)
    {
        var file = changes.Aggregate(StackFile.Read(name), (stack, change) => stack.With(change.Key, change.Value));
        return Plan.Read(new Settings(key => file.Config.GetValueOrDefault(key)));
    }
}
