using System.Text.Json.Serialization;

namespace ControlPlane.Web.Tenants;

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

    static async Task<Results<Ok<Page<TenantOverview>>, ValidationProblem>> List(
        string? status, Guid? cursor, int? limit, TenantOverviews tenants, CancellationToken ct)
    {
        if (status is not (null or "pending" or "active" or "suspended" or "deleted"))
        {
            return new FieldErrors { ["status"] = "Ask for pending, active, suspended or deleted, or leave this out." }.ToValidationProblem();
        }

        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await tenants.ListAsync(search: null, status, cursor, size + 1, ct), size, last => last.TenantId.ToString()));
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
        decimal? PriceEurPerMonth, [property: JsonPropertyName("overage_eur_per_1000")] decimal? OverageEurPer1000)
    {
        public CreateTenantRequest ToRequest() => new()
        {
            Tenant = new NewTenant { Email = Email, Organization = Organization, Slug = Slug, Country = Country, VatId = VatId },
            Plan = Plan,
            Agreed = new AgreedPrices(PriceEurPerMonth, OverageEurPer1000),
        };
    }

    sealed record CreatedReply(Guid TenantId, string Slug, string ApiKey, string WebhookSecret);
}
