using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>A source file and the module that it belongs to.</summary>
sealed record Source(string Module, string Code);

/// <summary>Finds dependencies between modules, writes to tables, and SQL in source text.</summary>
static partial class Architecture
{
    /// <summary>A module may use those before it: the platform, which all use, then the modules in data-flow order.</summary>
    public static readonly string[] Modules =
        ["Platform", "Notifications", "Catalog", "Subscriptions", "Accounts", "Provisioning", "Limits", "Metering", "Billing", "Reporting", "Privacy"];

    public static IEnumerable<string> UsesOfLaterModules(IEnumerable<Source> sources) =>
        from source in sources
        from Match use in Uses().Matches(source.Code)
        let used = use.Groups[1].Value
        where Array.IndexOf(Modules, used) > Array.IndexOf(Modules, source.Module)
        select $"{source.Module} uses {used}";

    public static IEnumerable<string> TablesWithSeveralWriters(IEnumerable<Source> sources) =>
        from writer in Writers(sources)
        group writer.Module by writer.Table into table
        let modules = table.Distinct().Order(StringComparer.Ordinal).ToList()
        where modules.Count > 1
        select $"{table.Key}: {string.Join(", ", modules)}";

    public static IEnumerable<(string Table, string Module)> Writers(IEnumerable<Source> sources) =>
        from source in sources
        from Match write in Writes().Matches(source.Code)
        select (write.Groups[1].Value, source.Module);

    /// <summary>Whether code runs SQL or contains any.</summary>
    public static bool HasSql(string code) => Sql().IsMatch(code);

    /// <summary>The module at the beginning of a SQL function's comment; empty when there is none.</summary>
    public static string ModuleOfFunction(string sql) => FirstWord().Match(sql).Groups[1].Value;

    // Types of another namespace below ControlPlane need no using when they are qualified by its last part.
    [GeneratedRegex(
        @"(?<![\w.])(?:ControlPlane\.)?(Platform|Notifications|Catalog|Subscriptions|Accounts|Provisioning|Limits|Metering|Billing|Reporting|Privacy)(?=\.[A-Z]|;)")]
    private static partial Regex Uses();

    [GeneratedRegex(@"\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate)\s+control\.([a-z_]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Writes();

    [GeneratedRegex(
        @"\.(?:ScalarAsync|QueryAsync)\b|\.(?:ExecuteAsync|FirstAsync)(?:<[^(]*>)?\(\s*[$@]*""|new\s+Statement\(|Npgsql(?:Batch)?Command\b"
        + @"|\b(?:from|join|into|update|table)\s+control\.\w|\bcontrol\.[a-z_]+\s*\(|\bselect\s+(?:pg_|set_config|count\(|\*)")]
    private static partial Regex Sql();

    [GeneratedRegex(@"\A-- ([A-Z][a-z]+):")]
    private static partial Regex FirstWord();
}
