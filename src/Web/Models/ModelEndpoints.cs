using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Models;

/// <summary>The catalog of models: names, routes, prices and plans. Admins change it, all operators read it.</summary>
static class ModelEndpoints
{
    const string WhenItApplies = "Authorizations and prices follow at once. Gateways follow when their environment is next started or restarted.";

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        var models = routes.MapGroup("/v1/admin/models").RequireAuthorization(Policies.Operator).WithTags("Operator");
        models.MapGet("", List).WithName("listModels").WithSummary("List the models with their routes, prices and plans")
            .WithDescription("By name. Routes in force have the result of their newest check, which the job `health` makes every five minutes. Past prices are left out.");
        models.MapPost("", Add).WithName("addModel").WithSummary("Add a model with its first route and price")
            .WithDescription(
                "`gateway_model` is LiteLLM's prefix and the provider's id: openai/gpt-6-sol, or ollama_chat/llama3:8b for a local model. A provider's model is sold under one name "
                + $"only, because the price belongs to the name. {WhenItApplies}");
        models.MapPost("{name}/routes", AddRouteTo).WithName("addModelRoute").WithSummary("Add a route to a model, now or from a date on")
            .WithDescription(
                "Of several routes in force, gateways call the one with the lowest `position`, and the next one when it fails. All of them must be the same model, "
                + $"because calls cost what the name costs. Routes of a local model are local, those of other models are not. {WhenItApplies}");
        models.MapDelete("{name}/routes/{id:guid}", End).WithName("endModelRoute").WithSummary("End a route, now or at a date")
            .WithDescription($"A model without a route is retired: environments do not offer it, its name and prices stay. A route that has not begun is removed. {WhenItApplies}");
        models.MapPost("{name}/prices", SetPriceOf).WithName("setModelPrice").WithSummary("Give a model prices, now or from a date on")
            .WithDescription("Earlier usage keeps its price. A coming price with the same `effective_from` is replaced. A kind of tokens without a price costs what its total costs.");
        models.MapPut("{name}/plans", SetPlansOf).WithName("setModelPlans").WithSummary("Say which plans include a model")
            .WithDescription($"Plans with all models include it in any case. {WhenItApplies}");
    }

    static async Task<Ok<Page<CatalogModel>>> List(string? cursor, int? limit, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.ModelsAsync(clock.GetUtcNow(), cursor, size + 1, ct), size, last => last.Name));
    }

    static async Task<Results<Created<CatalogModel>, ValidationProblem, ProblemHttpResult>> Add(ModelBody body, ClaimsPrincipal user, AddModel add, CancellationToken ct)
    {
        var model = new NewModel(body.Name, body.MemoryMib, body.ToRoute(), (body.Price ?? new PriceBody(null, null)).ToPrice(), body.Plans ?? []);
        return await add.RunAsync(model, user.ActorName(), ct) switch
        {
            ChangeModelResult.Done done => TypedResults.Created((string?)null, done.Model),
            ChangeModelResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            var other => ToProblem(other),
        };
    }

    static async Task<Results<Ok<CatalogModel>, ValidationProblem, ProblemHttpResult>> AddRouteTo(
        string name, RouteBody body, ClaimsPrincipal user, AddRoute add, CancellationToken ct) => ToReply(await add.RunAsync(name, body.ToRoute(), user.ActorName(), ct));

    static async Task<Results<Ok<CatalogModel>, ValidationProblem, ProblemHttpResult>> End(
        string name, Guid id, DateTimeOffset? at, ClaimsPrincipal user, EndRoute end, CancellationToken ct) => ToReply(await end.RunAsync(name, id, at?.ToUniversalTime(), user.ActorName(), ct));

    static async Task<Results<Ok<CatalogModel>, ValidationProblem, ProblemHttpResult>> SetPriceOf(
        string name, PriceBody body, ClaimsPrincipal user, SetPrice set, CancellationToken ct) => ToReply(await set.RunAsync(name, body.ToPrice(), user.ActorName(), ct));

    static async Task<Results<Ok<CatalogModel>, ValidationProblem, ProblemHttpResult>> SetPlansOf(
        string name, PlansBody body, ClaimsPrincipal user, SetPlans set, CancellationToken ct) => ToReply(await set.RunAsync(name, body.Plans, user.ActorName(), ct));

    static Results<Ok<CatalogModel>, ValidationProblem, ProblemHttpResult> ToReply(ChangeModelResult result) => result switch
    {
        ChangeModelResult.Done done => TypedResults.Ok(done.Model),
        ChangeModelResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
        _ => ToProblem(result),
    };

    static ProblemHttpResult ToProblem(ChangeModelResult result) => result is ChangeModelResult.Conflict conflict
        ? TypedResults.Problem(conflict.Reason, statusCode: StatusCodes.Status409Conflict, title: "Not changed")
        : TypedResults.Problem("There is no such model or route: GET /v1/admin/models lists them.", statusCode: StatusCodes.Status404NotFound, title: "Not found");
}

/// <param name="Provider">anthropic, gemini, openai, or ollama for a local model.</param>
/// <param name="Endpoint">Another address of the provider, such as one of a region.</param>
/// <param name="Position">1 to 100; 1 unless given.</param>
/// <param name="EffectiveFrom">Now unless given; never in the past.</param>
sealed record RouteBody(
    [property: Required] string? Provider, [property: Required] string? GatewayModel, string? Endpoint = null, int? Position = null, DateTimeOffset? EffectiveFrom = null,
    DateTimeOffset? EffectiveTo = null)
{
    public NewRoute ToRoute() => new(Provider, GatewayModel, Endpoint, Position ?? 1, EffectiveFrom?.ToUniversalTime(), EffectiveTo?.ToUniversalTime());
}

/// <param name="Name">What customers and events call it: letters, digits, dots, colons, hyphens and underscores.</param>
/// <param name="MemoryMib">Of a local model: what Ollama needs to run it.</param>
/// <param name="Plans">Names of plans that include it.</param>
sealed record ModelBody(
    [property: Required] string? Name, [property: Required] string? Provider, [property: Required] string? GatewayModel, [property: Required] PriceBody? Price,
    int? MemoryMib = null, IReadOnlyList<string>? Plans = null, string? Endpoint = null, DateTimeOffset? EffectiveFrom = null)
{
    public NewRoute ToRoute() => new(Provider, GatewayModel, Endpoint, Position: 1, EffectiveFrom?.ToUniversalTime(), EffectiveTo: null);
}

/// <summary>EUR per 1,000 tokens, with at most six decimals.</summary>
/// <param name="EffectiveFrom">Now unless given; never in the past.</param>
/// <param name="Source">Where the price comes from, and when it was read there.</param>
sealed record PriceBody(
    [property: Required] decimal? PromptEurPerThousand,
    [property: Required] decimal? CompletionEurPerThousand,
    DateTimeOffset? EffectiveFrom = null,
    decimal? CachedPromptEurPerThousand = null,
    decimal? CacheWriteEurPerThousand = null,
    decimal? ReasoningEurPerThousand = null,
    decimal? AudioEurPerThousand = null,
    decimal? EurPerImage = null, string? Source = null)
{
    public NewPrice ToPrice() => new(
        EffectiveFrom?.ToUniversalTime(), PromptEurPerThousand, CompletionEurPerThousand, CachedPromptEurPerThousand, CacheWriteEurPerThousand, ReasoningEurPerThousand, AudioEurPerThousand, EurPerImage,
        Source);
}

sealed record PlansBody([property: Required] IReadOnlyList<string>? Plans);
