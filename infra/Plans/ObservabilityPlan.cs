using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>Alarms, audit, log retention and the budget. Thresholds are those of the platform's original plan.</summary>
public sealed partial record ObservabilityPlan
{
    /// <summary>Subscribers of the alert topics. Each has to confirm the subscription.</summary>
    public required IReadOnlyList<string> AlertMail { get; init; }

    public required int MonthlyBudgetUsd { get; init; }

    /// <summary>GOVERNANCE: a special permission allows early deletion of audit logs. COMPLIANCE: nobody can delete them early, not even the root user.</summary>
    public required string AuditLock { get; init; }

    public required int AuditDays { get; init; }
    public int LogDays { get; init; } = 90;
    public double ErrorPercent { get; init; } = 5;
    public double UtilizationPercent { get; init; } = 80;
    public double SlowInferenceSeconds { get; init; } = 30;

    /// <summary>Maximum lag of the database replica in the second region.</summary>
    public double ReplicaLagSeconds { get; init; } = 60;

    public static ObservabilityPlan Read(Settings settings, bool isRequired) => new()
    {
        AlertMail = settings.List("observability:alertMail", EmailAddress().IsMatch, "email addresses", isRequired ? null : [], "Recipients of alarm and budget notifications."),
        MonthlyBudgetUsd = settings.Number("observability:monthlyBudgetUsd", 11_450, 1, 10_000_000, "Monthly budget of the stack in USD. Notifications are sent at 80 %, and when the forecast exceeds the budget."),
        AuditLock = settings.OneOf("observability:auditLock", ["GOVERNANCE", "COMPLIANCE"], "GOVERNANCE", "S3 Object Lock mode of audit logs."),
        AuditDays = settings.Number("observability:auditDays", 365, 1, 3_650, "Retention of audit logs in days."),
    };

    [GeneratedRegex("^[^@\\s]+@[^@\\s]+\\.[a-z]{2,63}$")]
    private static partial Regex EmailAddress();
}
