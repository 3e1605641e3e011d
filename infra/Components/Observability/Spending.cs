using System.Globalization;
using Pulumi.Aws.Budgets;
using Pulumi.Aws.Budgets.Inputs;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>A budget for resources with the stack's tag. The tag has to be activated for cost allocation first (docs/deploy.md).</summary>
public sealed class Spending : ComponentResource
{
    public Spending(string name, ObservabilityPlan plan, Alerts alerts, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Spending", name, options)
    {
        _ = new Budget(name, new BudgetArgs
        {
            Name = stack.PhysicalName(name),
            BudgetType = "COST",
            TimeUnit = "MONTHLY",
            LimitUnit = "USD",
            LimitAmount = plan.MonthlyBudgetUsd.ToString(CultureInfo.InvariantCulture),
            CostFilters = { new BudgetCostFilterArgs { Name = "TagKeyValue", Values = { $"user:Stack${stack.Name}" } } },
            Notifications = { Notification("ACTUAL", 80), Notification("FORECASTED", 100) },
        }, new CustomResourceOptions { Parent = this });
        RegisterOutputs();

        BudgetNotificationArgs Notification(string type, double percent) => new()
        {
            NotificationType = type,
            ComparisonOperator = "GREATER_THAN",
            ThresholdType = "PERCENTAGE",
            Threshold = percent,
            SubscriberSnsTopicArns = { alerts.Warning.Arn },
        };
    }
}
