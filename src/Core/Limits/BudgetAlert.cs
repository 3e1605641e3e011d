using System.Globalization;

namespace ControlPlane.Limits;

/// <summary>An alert threshold of a limit that usage has reached.</summary>
/// <param name="Starts">First UTC day of the window.</param>
/// <param name="Percent">50, 80 or 100.</param>
/// <param name="Meter">tokens, a feature, or spend: cents of usage beyond the allowance, of those that the spend limit allows.</param>
/// <param name="Hard">Beyond the limit calls are denied; otherwise they are billed as overage.</param>
public sealed record BudgetAlert(
    Guid Tenant, string Meter, string Span, DateOnly Starts, int Percent, long Maximum, bool Hard, long Used, DateTimeOffset RaisedAt)
{
    /// <summary>SQL: the id under which operators see a row of <c>control.budget_alert</c>.</summary>
    public const string Id = "md5(concat_ws(' ', tenant_id, meter, span, starts, percent, maximum))::uuid";

    public bool IsSpend => Meter == "spend";

    /// <summary>Names it once per recipient.</summary>
    public string MailKey(string recipient) => string.Create(
        CultureInfo.InvariantCulture, $"budget:{Tenant}:{Meter}:{Span}:{Starts:yyyy-MM-dd}:{Percent}:{Maximum}:{recipient}");

    /// <summary>As in GET /v1/subscription.</summary>
    public string Limit => (Meter, Span) switch
    {
        ("tokens", "day") => "tokens_per_day",
        ("tokens", _) => "tokens_per_month",
        ("spend", _) => "spend_limit",
        ("feature:rag_file", _) => "rag_files",
        ("feature:web_search", _) => "web_searches_per_month",
        ("feature:image", _) => "images_per_month",
        var other => throw new InvalidOperationException($"Unknown limit {other}."),
    };
}
