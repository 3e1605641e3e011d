using System.Globalization;

namespace ControlPlane.Metering.Ingestion;

/// <summary>One row of <c>GET /v1/usage</c>; the columns that are not grouped by are null.</summary>
/// <param name="Cost">EUR, nine decimals.</param>
public sealed record UsageRow(
    DateOnly? Day, string? Model, string? User, long Requests, long PromptTokens, long CompletionTokens, long TotalTokens, decimal Cost)
{
    /// <summary>The values that the row is grouped by, as text, in the order of the list.</summary>
    public IReadOnlyList<string> Keys() =>
        [.. new[] { Day?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Model, User }.OfType<string>()];
}

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
    static readonly (UsageGrouping By, string Column, string Type)[] Columns =
        [(UsageGrouping.Day, "day", "date"), (UsageGrouping.Model, "model", "text"), (UsageGrouping.User, "user_id", "text")];

    /// <param name="from">UTC day.</param>
    /// <param name="to">UTC day, exclusive.</param>
    /// <param name="after"><see cref="UsageRow.Keys"/> of the last row of the previous page; null on the first page.</param>
    public static Task<List<UsageRow>> UsageAsync(
        this Transaction transaction, Guid tenant, DateOnly from, DateOnly to, UsageGrouping by, IReadOnlyList<string>? after, int limit, CancellationToken ct)
    {
        var keys = Columns.Where(column => by.HasFlag(column.By)).ToList();
        var names = string.Join(", ", keys.Select(key => key.Column));
        var values = string.Join(", ", keys.Select((key, index) => string.Create(CultureInfo.InvariantCulture, $"($5::text[])[{index + 1}]::{key.Type}")));
        List<object?> args = [tenant, from, to, limit];
        if (keys.Count > 0)
        {
            args.Add(after?.ToArray());
        }

        return transaction.QueryAsync(
            $"""
            select {string.Join(", ", Columns.Select(column => by.HasFlag(column.By) ? column.Column : $"null::{column.Type}"))},
                   sum(requests)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(cost)
            from control.usage_counter where tenant_id = $1 and day >= $2 and day < $3
            {(keys.Count == 0 ? "having count(*) > 0" : $"and ($5::text[] is null or ({names}) > ({values})) group by {names} order by {names}")}
            limit $4
            """,
            row => new UsageRow(
                row.Get<DateOnly?>(0), row.Get<string>(1), row.Get<string>(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5),
                row.GetInt64(4) + row.GetInt64(5), row.GetDecimal(6)),
            ct, args);
    }
}
