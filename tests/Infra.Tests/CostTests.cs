using ControlPlane.Infra.Cost;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class CostTests(Stacks stacks)
{
    static readonly string Page = Path.Combine(StackFile.Root, "docs", "cost.md");

    [Fact]
    public void The_cost_page_matches_the_estimates()
    {
        Golden.AssertSectionEqual(Page, "comparison", CostPage.Comparison(PlanOf("prod")));
        Golden.AssertSectionEqual(Page, "per-user", CostPage.PerUser(PlanOf("prod")));
        Golden.AssertSectionEqual(Page, "vps", CostPage.Vps(PlanOf("dev")));
    }

    [Fact]
    public void The_amounts_of_the_original_plan_are_quoted_unchanged()
    {
        var lines = MonthlyCost.TryEstimate(PlanOf("prod"), new Workload(100), Purchase.Planned)!.Lines;
        Assert.Equal([200m, 2_000m, 8_000m, 500m, 300m, 200m, 150m, 100m], lines.Where(line => line.PlannedUsd is not null).Select(line => line.PlannedUsd!.Value));
    }

    [Fact]
    public void Amounts_can_be_verified_by_hand()
    {
        var lines = MonthlyCost.TryEstimate(PlanOf("prod"), new Workload(100), Purchase.AsBuilt(PlanOf("prod")))!.Lines.ToDictionary(line => line.Item, line => line.Usd);
        Assert.Equal(0.10m * 730, lines["EKS cluster"]);
        Assert.Equal(5 * (0.34m * 730 + 100 * 0.08m), lines["CPU nodes (standard)"]);
        Assert.Equal(4 * 365 * (0.526m * (0.30m + 0.70m * 0.45m) + 200 * 0.08m / 730), lines["GPU nodes (premium)"]);
        Assert.Equal(2 * 0.168m * 730 + 2 * 100 * 0.115m + 2 * 0.015m * 730, lines["RDS PostgreSQL"]);
    }

    [Theory]
    [InlineData("prod")]
    [InlineData("prod, one region")]
    public async Task The_estimate_counts_the_keys_and_secrets_that_the_stack_creates(string stack)
    {
        var (deployed, plan) = (await stacks.GetAsync(stack), PlanOf("prod", stack == "prod" ? [] : [("standby:region", null)]));
        var secrets = deployed.OfType("aws:secretsmanager/secret:Secret").Sum(secret => 1 + ((IEnumerable<object?>?)secret["replicas"] ?? []).Count());
        var line = MonthlyCost.TryEstimate(plan, new Workload(100), Purchase.Planned)!.Lines.Single(line => line.Item == "Keys, secrets, DNS");
        Assert.StartsWith($"{deployed.OfType("aws:kms/key:Key").Count()} keys, {secrets} secrets", line.Basis, StringComparison.Ordinal);
    }

    [Fact]
    public void Reserved_and_spot_are_cheaper_than_on_demand_and_more_users_cost_more()
    {
        var plan = PlanOf("prod");
        var sums = ((int[])[100, 1_000, 10_000]).Select(users => (Built: Sum(users, Purchase.AsBuilt(plan)), Planned: Sum(users, Purchase.Planned))).ToList();
        Assert.All(sums, sum => Assert.True(sum.Planned < sum.Built));
        Assert.Equal(sums.OrderBy(sum => sum.Built), sums);
        Assert.True(sums[2].Built / 10_000 < sums[0].Built / 100, "the cost per user falls with the number of users");

        decimal Sum(int users, Purchase purchase) => MonthlyCost.TryEstimate(plan, new Workload(users), purchase)!.Usd;
    }

    [Fact]
    public void Every_instance_type_of_the_stacks_has_a_price_and_an_unknown_one_is_not_an_error()
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
