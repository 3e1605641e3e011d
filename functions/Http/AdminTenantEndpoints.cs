using ControlPlane.Http.Hosting;
using ControlPlane.Operations;
using ControlPlane.Plans;
using ControlPlane.Signup;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Http;

/// <summary>Tenants as operators make and see them.</summary>
static class AdminTenantEndpoints
{
    public static void MapAdminTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup("/v1/admin/tenants").RequireAuthorization(Policies.Operator).WithTags("Operator");
        tenants.MapPost("/", Create).WithSummary("Make a tenant that is active at once")
            .WithDescription("Starts the subscription now, queues provisioning and invites the owner by mail. Key and webhook secret are shown this once.");
        tenants.MapGet("/", List).WithSummary("Tenants, the newest first");
        tenants.MapGet("/{id:guid}", Find).WithSummary("One tenant");
    }

    static async Task<Results<Created<CreatedReply>, ValidationProblem, ProblemHttpResult>> Create(TenantBody body, Activation activation, CancellationToken ct) =>
        await activation.CreateAsync(body.ToRequest(), ct) switch
        {
            CreateTenantResult.Created made =>
                TypedResults.Created($"/v1/admin/tenants/{made.Tenant}", new CreatedReply(made.Tenant, made.Slug, made.ApiKey, made.WebhookSecret)),
            CreateTenantResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            CreateTenantResult.Taken taken => taken.Errors.ToConflict(),
            var other => throw new InvalidOperationException($"No answer for {other}."),
        };

    static async Task<Results<Ok<TenantList>, ValidationProblem>> List(
        string? status, string? cursor, string? limit, TenantOverviews tenants, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("status", status is null or "pending" or "active" or "suspended" or "deleted" ? null : "Ask for pending, active, suspended or deleted, or leave this out.");
        errors.Check("cursor", cursor is null || Guid.TryParse(cursor, out _) ? null : "Send the next_cursor of the page before, or leave this out.");
        errors.Check("limit", limit is null || (int.TryParse(limit, out var n) && n is >= 1 and <= 200) ? null : "Ask for 1 to 200 tenants at a time.");
        if (errors.Count > 0)
        {
            return errors.ToValidationProblem();
        }

        var count = limit is null ? 50 : int.Parse(limit, System.Globalization.CultureInfo.InvariantCulture);
        // One more than asked for tells whether there is a next page.
        var found = await tenants.ListAsync(status, cursor is null ? null : Guid.Parse(cursor), count + 1, ct);
        return TypedResults.Ok(found.Count > count
            ? new TenantList(found.GetRange(0, count), found[count - 1].TenantId)
            : new TenantList(found, null));
    }

    static async Task<Results<Ok<TenantOverview>, ProblemHttpResult>> Find(Guid id, TenantOverviews tenants, CancellationToken ct) =>
        await tenants.FindAsync(id, ct) is { } tenant
            ? TypedResults.Ok(tenant)
            : TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: 404, title: "No such tenant");

    /// <param name="Email">Of the owner, who is invited there.</param>
    /// <param name="PriceEurPerMonth">Only for a plan whose price is agreed.</param>
    /// <param name="OverageEurPer1000">EUR per 1,000 tokens beyond the included ones; only for a plan whose price is agreed.</param>
    sealed record TenantBody(
        string? Organization, string? Slug, string? Plan, string? Email, string? Country, string? VatId,
        decimal? PriceEurPerMonth, [property: System.Text.Json.Serialization.JsonPropertyName("overage_eur_per_1000")] decimal? OverageEurPer1000)
    {
        public CreateTenantRequest ToRequest() => new()
        {
            Tenant = new NewTenant { Email = Email, Organization = Organization, Slug = Slug, Country = Country, VatId = VatId },
            Plan = Plan,
            Agreed = new AgreedPrices(PriceEurPerMonth, OverageEurPer1000),
        };
    }

    sealed record CreatedReply(Guid TenantId, string Slug, string ApiKey, string WebhookSecret);

    sealed record TenantList(IReadOnlyList<TenantOverview> Items, Guid? NextCursor);
}
