namespace ControlPlane.Metering.Ingestion;

/// <summary>One row of <c>GET /v1/usage</c>; the columns that are not grouped by are null.</summary>
/// <param name="Cost">EUR, nine decimals.</param>
public sealed record UsageRow(
    DateOnly? Day, string? Model, string? User, long Requests, long PromptTokens, long CompletionTokens, long TotalTokens, decimal Cost);

[Flags]
public enum UsageGrouping
{
    None = 0,
    Day = 1,
    Model = 2,
    User = 4,
}

/// <summary>Sums of the live counters, which include the last accepted event.</summary>
public static class UsageReport
{
    /// <param name="from">UTC day.</param>
    /// <param name="to">UTC day, exclusive.</param>
    /// <param name="skip">Rows of the previous pages.</param>
    public static Task<List<UsageRow>> UsageAsync(
        this Transaction transaction, Guid tenant, DateOnly from, DateOnly to, UsageGrouping by, int skip, int limit, CancellationToken ct)
    {
        var columns = new[] { (UsageGrouping.Day, "day"), (UsageGrouping.Model, "model"), (UsageGrouping.User, "user_id") };
        var keys = columns.Where(c => by.HasFlag(c.Item1)).Select(c => c.Item2).ToList();
        var grouping = keys.Count == 0 ? "having count(*) > 0" : $"group by {string.Join(", ", keys)} order by {string.Join(", ", keys)}";
        return transaction.QueryAsync(
            $"""
            select {Select(UsageGrouping.Day, "day", "date")}, {Select(UsageGrouping.Model, "model", "text")}, {Select(UsageGrouping.User, "user_id", "text")},
                   sum(requests)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(cost)
            from control.usage_counter where tenant_id = $1 and day >= $2 and day < $3
            {grouping} offset $4 limit $5
            """,
            row => new UsageRow(
                row.Get<DateOnly?>(0), row.Get<string>(1), row.Get<string>(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5),
                row.GetInt64(4) + row.GetInt64(5), row.GetDecimal(6)),
            ct, tenant, from, to, skip, limit);

        string Select(UsageGrouping flag, string column, string type) => by.HasFlag(flag) ? column : $"null::{type}";
    }
}
