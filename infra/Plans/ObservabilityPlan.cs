using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>Alarms, dashboards, metrics, traces, audit and the budget. Thresholds are the ones the platform was planned with.</summary>
public sealed partial record ObservabilityPlan
{
    /// <summary>Who is told. Each address has to confirm once.</summary>
    public required IReadOnlyList<string> AlertMail { get; init; }

    public required int MonthlyBudgetUsd { get; init; }

    /// <summary>GOVERNANCE: someone with a special permission may delete audit logs early. COMPLIANCE: nobody can, not even the account's owner.</summary>
    public required string AuditLock { get; init; }

    public required int AuditDays { get; init; }
    public int LogDays { get; init; } = 90;
    public double ErrorPercent { get; init; } = 5;
    public double UtilizationPercent { get; init; } = 80;
    public double SlowInferenceSeconds { get; init; } = 30;

    /// <summary>How far a replica in the second region may be behind.</summary>
    public double ReplicaLagSeconds { get; init; } = 60;

    public static ObservabilityPlan Read(Settings settings, bool needed) => new()
    {
        AlertMail = settings.List("observability:alertMail", MailAddress().IsMatch, "mail addresses", needed ? null : [], "Who is told about alarms and the budget."),
        MonthlyBudgetUsd = settings.Number("observability:monthlyBudgetUsd", 11_450, 1, 10_000_000, "What the stack may cost in a month, in USD; told at 80 % and when the forecast exceeds it."),
        AuditLock = settings.OneOf("observability:auditLock", ["GOVERNANCE", "COMPLIANCE"], "GOVERNANCE", "How strictly audit logs are kept."),
        AuditDays = settings.Number("observability:auditDays", 365, 1, 3_650, "How many days audit logs are kept."),
    };

    [GeneratedRegex("^[^@\\s]+@[^@\\s]+\\.[a-z]{2,63}$")]
    private static partial Regex MailAddress();
}
