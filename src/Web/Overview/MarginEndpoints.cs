namespace ControlPlane.Web.Overview;

/// <summary>For operators: what is earned with tenants and models.</summary>
static class MarginEndpoints
{
    public static void MapMargins(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/admin/margin", List).RequireAuthorization(Policies.Operator).WithTags("Operator")
            .WithName("listMargins").WithSummary("List revenue, provider cost and margin per tenant and model of a month")
            .WithDescription(
                "The billing periods whose last day is in `month`, such as 2026-01, by default the previous month; periods that have not ended are left out. Revenue is the "
                + "invoice without tax, divided among the models by their tokens. Cost is the usage at the providers' prices of that time.");

    static async Task<Results<Ok<Page<TenantMargin>>, ProblemHttpResult>> List(
        string? month, Guid? cursor, int? limit, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var previous = new DateOnly(today.Year, today.Month, 1).AddMonths(-1);
        // The month after the last one of year 9999 cannot be represented.
        if (Query.Day(string.IsNullOrEmpty(month) ? "" : $"{month}-01", previous) is not { Year: < 9999 } first)
        {
            return TypedResults.Problem("month must be a month such as 2026-01.", statusCode: 400, title: "Invalid month");
        }

        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.MarginsAsync(first, cursor, size + 1, ct), size, last => last.TenantId.ToString()));
    }
}
