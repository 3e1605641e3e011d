using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>VAT rates for operators.</summary>
static class TaxRateEndpoints
{
    public static void MapTaxRates(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/admin/tax-rates").RequireAuthorization(Policies.Operator).WithTags("Operator");
        group.MapGet("", List).WithName("listTaxRates").WithSummary("List VAT rates by country, the latest first");
        group.MapPost("", Add).AllowRoles(OperatorRole.Billing).WithName("addTaxRate").WithSummary("Add a VAT rate from a coming day on; rates are never changed");
    }

    static async Task<Ok<Page<TaxRate>>> List(EditTaxRates rates, CancellationToken ct) => TypedResults.Ok(Page.Of(await rates.ListAsync(ct), int.MaxValue, rate => rate.Country));

    static async Task<Results<Created<TaxRate>, ValidationProblem, ProblemHttpResult>> Add(TaxRateBody body, ClaimsPrincipal user, EditTaxRates rates, CancellationToken ct) =>
        await rates.AddAsync(new NewTaxRate(body.Country, body.Kind, body.ValidFrom, body.Percent, body.Source), user.ActorName(), ct) switch
        {
            AddTaxRateResult.Added added => TypedResults.Created((string?)null, added.Rate),
            AddTaxRateResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            AddTaxRateResult.Taken taken => taken.Errors.ToConflict(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    /// <param name="Kind">standard or reduced; absent: standard.</param>
    /// <param name="ValidFrom">The first day of the supplies that it is for.</param>
    /// <param name="Source">Where you have read it.</param>
    sealed record TaxRateBody(
        [property: Required] string? Country, string? Kind, [property: Required] DateOnly? ValidFrom, [property: Required] decimal? Percent, [property: Required] string? Source);
}
