using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Weights;

/// <summary>A tenant's own weights in its dedicated Ollama.</summary>
static class WeightsEndpoints
{
    public static void MapWeights(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/weights").RequireAuthorization(Policies.Tenant).WithTags("Environment");
        group.MapGet("", List).WithName("listWeights").WithSummary("List your own weights, with the progress of downloads").ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPost("", Add).RequireRateLimiting(TenantLimits.Changes).WithName("addWeights").WithSummary("Download weights to your dedicated Ollama")
            .WithDescription(
                "`source` is a name in Ollama's library, such as `qwen3:8b`, or a public repository of Hugging Face with GGUF files, such as `hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M`. "
                + "The model is then called `own/{name}`. Its calls cost nothing and are counted.")
            .ProducesProblem(StatusCodes.Status409Conflict);
        group.MapDelete("{**name:minlength(1)}", Remove).RequireRateLimiting(TenantLimits.Changes).WithName("removeWeights").WithSummary("Remove weights; calls to them are denied at once")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    static async Task<Results<Ok<Page<TenantModel>>, ProblemHttpResult>> List(ClaimsPrincipal user, OwnWeights weights, CancellationToken ct) =>
        await weights.ListAsync(user.TenantId(), ct) is { } models ? TypedResults.Ok(new Page<TenantModel>(models, null)) : NotInPlan();

    static async Task<Results<Accepted<TenantModel>, ValidationProblem, ProblemHttpResult>> Add(
        WeightsBody body, ClaimsPrincipal user, OwnWeights weights, CancellationToken ct) =>
        await weights.AddAsync(user.TenantId(), body.Name, body.Source, user.ActorName(), ct) switch
        {
            WeightsResult.Accepted accepted => TypedResults.Accepted((string?)null, accepted.Model),
            WeightsResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            WeightsResult.Conflict conflict => TypedResults.Problem(conflict.Reason, statusCode: StatusCodes.Status409Conflict, title: "Not possible now"),
            _ => NotInPlan(),
        };

    static async Task<Results<Accepted<TenantModel>, ProblemHttpResult>> Remove(string name, ClaimsPrincipal user, OwnWeights weights, CancellationToken ct) =>
        await weights.RemoveAsync(user.TenantId(), name, user.ActorName(), ct) is WeightsResult.Accepted accepted
            ? TypedResults.Accepted((string?)null, accepted.Model)
            : TypedResults.Problem("You have no weights with this name: GET /v1/weights lists them.", statusCode: StatusCodes.Status404NotFound, title: "No such weights");

    // Not 403, which means that the key lacks a scope.
    static ProblemHttpResult NotInPlan() => TypedResults.Problem(
        "Your plan does not include weights of your own: ask us for the plan Enterprise, which has an Ollama of its own.", statusCode: StatusCodes.Status409Conflict,
        title: "Not in your plan");

    /// <param name="Name">1 to 40 lower-case letters, digits, dots, hyphens and underscores.</param>
    /// <param name="Source">A name in Ollama's library, or hf.co/organization/repository:quantization.</param>
    sealed record WeightsBody([property: Required] string? Name, [property: Required] string? Source);
}
