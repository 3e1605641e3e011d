using System.Globalization;
using System.Text;

namespace ControlPlane.Infra.Cost;

/// <summary>Renders the cost estimate as the tables of docs/cost.md.</summary>
public static class CostPage
{
    /// <summary>Compares the plan with the original one, for its 100 concurrent users.</summary>
    public static string Comparison(Plan plan)
    {
        var load = new Workload(100);
        var (built, planned) = (MonthlyCost.TryEstimate(plan, load, Purchase.AsBuilt(plan))!, MonthlyCost.TryEstimate(plan, load, Purchase.Planned)!);
        var text = new StringBuilder("| | original plan | 30 % reserved, 70 % spot | as built | basis |\n| --- | ---: | ---: | ---: | --- |\n");
        foreach (var (line, mixed) in built.Lines.Zip(planned.Lines))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {line.Item} | {(line.PlannedUsd is { } usd ? Usd(usd) : "")} | {Usd(mixed.Usd)} | {Usd(line.Usd)} | {line.Basis} |\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"| **Total** | **{Usd(built.Lines.Sum(line => line.PlannedUsd ?? 0))}** | **{Usd(planned.Usd)}** | **{Usd(built.Usd)}** | |\n").ToString();
    }

    public static string PerUser(Plan plan)
    {
        var text = new StringBuilder("| concurrent users | nodes | 30 % reserved, 70 % spot | per user | as built | per user |\n| ---: | --- | ---: | ---: | ---: | ---: |\n");
        foreach (var users in (int[])[100, 1_000, 10_000])
        {
            var load = new Workload(users);
            var (built, planned) = (MonthlyCost.TryEstimate(plan, load, Purchase.AsBuilt(plan))!, MonthlyCost.TryEstimate(plan, load, Purchase.Planned)!);
            text.Append(CultureInfo.InvariantCulture,
                $"| {users:N0} | {built.Lines[1].Basis}; {built.Lines[2].Basis} | {Usd(planned.Usd)} | {planned.Usd / users:0.00} | {Usd(built.Usd)} | {built.Usd / users:0.00} |\n");
        }

        return text.ToString();
    }

    public static string Vps(Plan plan)
    {
        var cost = MonthlyCost.TryEstimate(plan, new Workload(0), Purchase.Planned)!;
        var text = new StringBuilder("| | USD | basis |\n| --- | ---: | --- |\n");
        foreach (var line in cost.Lines)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {line.Item} | {Usd(line.Usd)} | {line.Basis} |\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"| **Total** | **{Usd(cost.Usd)}** | |\n").ToString();
    }

    /// <summary>One line for the stack's outputs: the total and its basis.</summary>
    public static string Summary(Plan plan) =>
        MonthlyCost.TryEstimate(plan, new Workload(100), Purchase.AsBuilt(plan)) is { } cost
            ? string.Create(CultureInfo.InvariantCulture, $"about {Usd(cost.Usd)} USD a month{(plan.Topology == Topology.Eks ? " with 100 concurrent users" : "")} ({Prices.AsOf})")
            : "unknown: infra/Cost/Prices.cs has no price for one of the stack's instance types";

    static string Usd(decimal usd) => Math.Round(usd, MidpointRounding.AwayFromZero).ToString("N0", CultureInfo.InvariantCulture);
}
