using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Budgets;
using Pulumi.Aws.Budgets.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>A budget for what carries the stack's tag; AWS counts by it once the tag is activated for cost allocation (docs/deploy.md).</summary>
public sealed class Spending : ComponentResource
{
    public Spending(string name, ObservabilityPlan plan, Alerts alerts, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Spending", name, options)
    {
        _ = new Budget(name, new BudgetArgs
        {
            Name = stack.Named(name),
            BudgetType = "COST",
            TimeUnit = "MONTHLY",
            LimitUnit = "USD",
            LimitAmount = plan.MonthlyBudgetUsd.ToString(CultureInfo.InvariantCulture),
            CostFilters = { new BudgetCostFilterArgs { Name = "TagKeyValue", Values = { $"user:Stack${stack.Name}" } } },
            Notifications = { Tell("ACTUAL", 80), Tell("FORECASTED", 100) },
        }, new CustomResourceOptions { Parent = this });
        RegisterOutputs();

        BudgetNotificationArgs Tell(string of, double percent) => new()
        {
            NotificationType = of,
            ComparisonOperator = "GREATER_THAN",
            ThresholdType = "PERCENTAGE",
            Threshold = percent,
            SubscriberSnsTopicArns = { alerts.Warning.Arn },
        };
    }
}
