using System.Numerics;
using System.Security.Claims;

namespace ControlPlane.Web.Usage;

/// <summary>Usage reports.</summary>
static class UsageReportEndpoints
{
    public static void MapUsageReport(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/usage", Get).RequireAuthorization(Policies.Tenant).RequireScope(KeyScopes.UsageRead).RequireRateLimiting(TenantLimits.Reports).WithTags("Usage")
            .WithName("getUsage").WithSummary("Get usage totals, exact up to the last accepted event")
            .WithDescription("`from` and `to` are UTC days such as 2026-01-31, `to` is exclusive; `group_by` is a comma-separated list of day, model and user.");

    static async Task<Results<Ok<Page<UsageRow>>, ProblemHttpResult>> Get(
        ClaimsPrincipal user, ControlDatabase database, Clock clock, string? from, string? to, string? group_by, string? cursor, int? limit, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        if (Query.Day(from, new DateOnly(today.Year, today.Month, 1)) is not { } first || Query.Day(to, today.AddDays(1)) is not { } end || end <= first)
        {
            return TypedResults.Problem("from and to must be UTC days such as 2026-01-31; to is exclusive and must be after from.", statusCode: 400, title: "Invalid range");
        }

        if (!TryGrouping(group_by ?? "day,model", out var grouping))
        {
            return TypedResults.Problem("group_by must be a comma-separated list of day, model and user.", statusCode: 400, title: "Invalid group_by");
        }

        if (!TryAfter(cursor, grouping, out var after))
        {
            return TypedResults.Problem("cursor must be the next_cursor of a page with the same group_by; omit it for the first page.", statusCode: 400, title: "Invalid cursor");
        }

        var size = Query.Limit(limit);
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        var rows = await transaction.UsageAsync(user.TenantId(), first, end, grouping, after, size + 1, ct);
        return TypedResults.Ok(Page.Of(rows, size, last => Query.Cursor(last.Keys())));
    }

    static bool TryAfter(string? cursor, UsageGrouping grouping, out IReadOnlyList<string>? after) =>
        Query.TryReadCursor(cursor, BitOperations.PopCount((uint)grouping), out after)
        && (after is null || !grouping.HasFlag(UsageGrouping.Day) || (after[0].Length > 0 && Query.Day(after[0], default) is not null));

    static bool TryGrouping(string text, out UsageGrouping grouping)
    {
        grouping = UsageGrouping.None;
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            UsageGrouping? flag = part switch { "day" => UsageGrouping.Day, "model" => UsageGrouping.Model, "user" => UsageGrouping.User, _ => null };
            if (flag is null)
            {
                return false;
            }

            grouping |= flag.Value;
        }

        return true;
    }
}
