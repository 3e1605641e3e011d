using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>Reads dependencies between stages, and writes to tables, off source text.</summary>
static partial class Architecture
{
    /// <summary>In the order of the data's way.</summary>
    static readonly string[] Stages = ["Plans", "Signup", "Provisioning", "Budgets", "Usage", "Aggregation", "Billing", "Payments"];

    /// <summary>Tables behind one method that every stage calls in its own transaction (see Mail/Outbox.cs, Operations/AuditLog.cs).</summary>
    public static readonly string[] SharedTables = ["outbox", "audit_log", "job_run", "sandbox_clock"];

    public static IEnumerable<string> UsesOfLaterStages(IEnumerable<(string Stage, string Code)> sources) =>
        from source in sources
        from Match use in Namespaces().Matches(source.Code)
        let used = use.Groups[1].Value
        where Array.IndexOf(Stages, source.Stage) >= 0 ? Array.IndexOf(Stages, used) > Array.IndexOf(Stages, source.Stage) : Array.IndexOf(Stages, used) >= 0
        select $"{source.Stage} uses ControlPlane.{used}";

    public static IEnumerable<string> TablesWithSeveralWriters(IEnumerable<(string Stage, string Code)> sources) =>
        from writer in Writers(sources)
        group writer.Stage by writer.Table into table
        let stages = table.Distinct().Order(StringComparer.Ordinal).ToList()
        where stages.Count > 1
        select $"{table.Key}: {string.Join(", ", stages)}";

    public static IEnumerable<(string Table, string Stage)> Writers(IEnumerable<(string Stage, string Code)> sources) =>
        from source in sources
        from Match write in Writes().Matches(source.Code)
        select (write.Groups[1].Value, source.Stage);

    [GeneratedRegex(@"\bControlPlane\.([A-Z][A-Za-z]+)")]
    private static partial Regex Namespaces();

    [GeneratedRegex(@"\b(?:insert\s+into|update|delete\s+from)\s+control\.([a-z_]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Writes();
}
