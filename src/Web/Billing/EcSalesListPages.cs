using System.Globalization;
using System.Text;

namespace ControlPlane.Web.Billing;

/// <summary>Reverse charge per customer, for the recapitulative statement to the tax office: API, page and CSV.</summary>
static class EcSalesListPages
{
    const int Quarters = 4;

    public static void MapEcSalesList(this IEndpointRouteBuilder routes) => routes.MapGet("/v1/admin/ec-sales-list", Get).RequireAuthorization(Policies.Operator).WithTags("Operator")
        .WithName("getEcSalesList").WithSummary("Get the services with reverse charge per VAT ID")
        .WithDescription("`from` and `to` are days such as 2026-01-01, `to` is exclusive; by default the last complete quarter. Corrections count when they are made.");

    public static void MapEcSalesListPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/ec-sales-list", Show);
        pages.MapGet("/ec-sales-list.csv", Download);
    }

    static async Task<Results<Ok<EcSalesListReply>, ProblemHttpResult>> Get(string? from, string? to, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        if (Range(from, to, Today(clock)) is not { } range)
        {
            return TypedResults.Problem("from and to must be days such as 2026-01-01; to is exclusive and must be after from.", statusCode: 400, title: "Invalid range");
        }

        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(EcSalesListReply.Of(await transaction.EcSalesListAsync(range.From, range.To, ct)));
    }

    static async Task<IResult> Show(string? from, string? to, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var today = Today(clock);
        var range = Range(from, to, today);
        var (first, end) = range ?? LastQuarter(today);
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<EcSalesListPage>(new
        {
            List = await transaction.EcSalesListAsync(first, end, ct),
            Quarters = Enumerable.Range(0, Quarters).Select(back => LastQuarter(today).From.AddMonths(-3 * back)).ToList(),
            Problem = range is null ? "Enter two days; the second one must be after the first." : null,
        })
        { StatusCode = range is null ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK };
    }

    static async Task<IResult> Download(string? from, string? to, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        if (Range(from, to, Today(clock)) is not { } range)
        {
            return new SeeOther("/admin/ec-sales-list");
        }

        await using var transaction = await database.BeginJobAsync(ct);
        var csv = (await transaction.EcSalesListAsync(range.From, range.To, ct)).Csv();
        return TypedResults.File(
            Encoding.UTF8.GetBytes(csv), "text/csv; charset=utf-8", string.Create(CultureInfo.InvariantCulture, $"ec-sales-list-{range.From:yyyy-MM-dd}-{range.To.AddDays(-1):yyyy-MM-dd}.csv"));
    }

    /// <returns>null: it is none.</returns>
    static (DateOnly From, DateOnly To)? Range(string? from, string? to, DateOnly today)
    {
        var last = LastQuarter(today);
        return Query.Day(from, last.From) is { } first && Query.Day(to, last.To) is { } end && end > first ? (first, end) : null;
    }

    static (DateOnly From, DateOnly To) LastQuarter(DateOnly today)
    {
        var present = new DateOnly(today.Year, (((today.Month - 1) / 3) * 3) + 1, 1);
        return (present.AddMonths(-3), present);
    }

    static DateOnly Today(Clock clock) => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
}

/// <param name="To">Exclusive.</param>
/// <param name="Total">EUR.</param>
/// <param name="Warnings">Documents that cannot be filed as they are.</param>
sealed record EcSalesListReply(DateOnly From, DateOnly To, decimal Total, IReadOnlyList<EcSale> Sales, IReadOnlyList<EcSalesWarning> Warnings)
{
    public static EcSalesListReply Of(EcSalesList list) => new(list.From, list.To, list.Total, list.Sales, list.Warnings);
}
