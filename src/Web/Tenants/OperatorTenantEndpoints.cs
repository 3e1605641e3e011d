using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Tenants;

/// <summary>Tenant management for operators.</summary>
static class OperatorTenantEndpoints
{
    public static void MapOperatorTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup("/v1/admin/tenants").RequireAuthorization(Policies.Operator).WithTags("Operator");
        // For admins only: the key in the response may do everything in the tenant, and stays valid when its people use it.
        tenants.MapPost("/", Create).WithName("createTenant").WithSummary("Create an active tenant")
            .WithDescription("Starts the subscription, queues provisioning and invites the owner by email. The key and the webhook secret are returned only once.");
        tenants.MapGet("/", List).WithName("listTenants").WithSummary("List tenants, newest first");
        tenants.MapGet("/{id:guid}", Find).WithName("getTenant").WithSummary("Get a tenant");
        tenants.MapPost("/{id:guid}/approve", Approve).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("approveTenant")
            .WithSummary("Approve a tenant that signed up by itself: its environment no longer waits with those of strangers");
    }

    static async Task<Results<Created<CreatedReply>, ValidationProblem, ProblemHttpResult>> Create(
        TenantBody body, ClaimsPrincipal user, CreateTenant createTenant, CancellationToken ct) =>
        await createTenant.RunAsync(body.ToRequest(), user.ActorName(), ct) switch
        {
            CreateTenantResult.Created created =>
                TypedResults.Created($"/v1/admin/tenants/{created.Tenant}", new CreatedReply(created.Tenant, created.Slug, created.ApiKey, created.WebhookSecret)),
            CreateTenantResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            CreateTenantResult.Taken taken => taken.Errors.ToConflict(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<Ok<Page<TenantOverview>>, ValidationProblem>> List(
        string? status, Guid? cursor, int? limit, TenantOverviews tenants, CancellationToken ct)
    {
        if (status is not (null or "pending" or "active" or "suspended" or "deleted"))
        {
            return new FieldErrors { ["status"] = "Use pending, active, suspended or deleted, or omit it." }.ToValidationProblem();
        }

        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await tenants.ListAsync(search: null, status, cursor, size + 1, ct), size, last => last.TenantId.ToString()));
    }

    static async Task<Results<Ok<TenantOverview>, ProblemHttpResult>> Find(Guid id, TenantOverviews tenants, CancellationToken ct) =>
        await tenants.FindAsync(id, ct) is { } tenant
            ? TypedResults.Ok(tenant)
            : NotFound();

    static async Task<Results<Ok<TenantOverview>, ProblemHttpResult>> Approve(
        Guid id, ClaimsPrincipal user, ApproveTenant approve, TenantOverviews tenants, CancellationToken ct) => await approve.RunAsync(id, user.ActorName(), ct) switch
        {
            ApproveTenantResult.Approved => await Find(id, tenants, ct),
            ApproveTenantResult.Conflict conflict => TypedResults.Problem(conflict.Reason, statusCode: 409, title: "Not possible now"),
            _ => NotFound(),
        };

    static ProblemHttpResult NotFound() => TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: 404, title: "No such tenant");

    /// <param name="Email">Email address of the owner, who is invited.</param>
    /// <param name="PriceEurPerMonth">Only for a plan with an agreed price.</param>
    /// <param name="OverageEurPer1000">EUR per 1,000 tokens beyond the included ones; only for a plan with an agreed price.</param>
    sealed record TenantBody(
        [property: Required] string? Organization, [property: Required] string? Slug, [property: Required] string? Plan, [property: Required] string? Email,
        [property: Required] string? Country, string? VatId,
        decimal? PriceEurPerMonth, [property: JsonPropertyName("overage_eur_per_1000")] decimal? OverageEurPer1000)
    {
        public CreateTenantRequest ToRequest() => new()
        {
            Tenant = new NewTenant { Email = Email, Organization = Organization, Slug = Slug, Country = Country, VatId = VatId },
            Plan = Plan,
            Agreed = new AgreedTerms(PriceEurPerMonth, OverageEurPer1000),
        };
    }

    sealed record CreatedReply(Guid TenantId, string Slug, string ApiKey, string WebhookSecret);
}
