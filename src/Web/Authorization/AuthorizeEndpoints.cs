using System.ComponentModel.DataAnnotations;

namespace ControlPlane.Web.Authorization;

/// <summary>Authorizes a call before it is made. On the hot path: instead of the authentication handler, the database checks the key in the same round trip.</summary>
static class AuthorizeEndpoints
{
    public static void MapAuthorize(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/authorize", Post).WithMetadata(BodyLimit.Authorize).WithName("authorizeCall").WithSummary("Check whether a call is allowed and reserve its estimate")
            .WithDescription(
                "`reason` is why a call is denied: model_not_in_plan, model_restricted (an invoice is overdue), daily_limit, monthly_limit, user_limit, feature_not_in_plan, "
                + "feature_limit, reservation_limit (too many calls at the same time), local_busy (other organizations use the free local models), trial_expired, suspended or environment_not_ready. A `request_id` that was allowed gets the same "
                + "answer again; one that was denied is decided anew. A tenant that sends too many requests gets 429 with Retry-After.");

    static async Task<Results<Ok<AuthorizationAnswer>, ValidationProblem, ProblemHttpResult>> Post(
        AuthorizeRequest request, HttpRequest http, Authorize authorize, AuthorizationRate rate, FindTenantKey findTenantKey, DatabaseCircuit circuit, CancellationToken ct)
    {
        if (request.Errors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var authorization = new AuthorizationRequest(
            Credentials.Hash(BearerKeys.KeyOf(http) ?? ""), ExternalIds.Stored(request.RequestId!), ExternalIds.Stored(request.User!), request.Model!, request.EstimatedTokens!.Value,
            request.Feature, request.Quantity ?? 1, RateLimits.Client(http.HttpContext.Connection.RemoteIpAddress));
        if (authorize.TenantOf(authorization.KeyHash) is { } tenant && rate.Acquire(tenant) is { IsAcquired: false } refused)
        {
            return RateLimits.Reject(http.HttpContext, refused);
        }

        // Safe to cancel: a retry with the same request_id gets the same answer.
        return await circuit.RunAsync(work => authorize.RunAsync(authorization, work), ct, bypassOpenCircuit: true) is { } answer
            ? TypedResults.Ok(answer)
            : await circuit.RunAsync(work => findTenantKey.RunAsync(authorization.KeyHash, authorization.Network, work), ct, bypassOpenCircuit: true) is not null
                ? RouteRights.MissingScope(KeyScopes.Authorize)
                : BearerKeys.UnknownTenantKey();
    }
}

/// <param name="EstimatedTokens">Prompt tokens plus the maximum completion tokens.</param>
sealed record AuthorizeRequest(
    [property: Required] string? RequestId, [property: Required] string? User, [property: Required] string? Model,
    [property: Required] long? EstimatedTokens, string? Feature, long? Quantity)
{
    public Dictionary<string, string[]> Errors()
    {
        var errors = new Dictionary<string, string[]>();
        Text("request_id", RequestId, maximum: null);
        Text("user", User, maximum: null);
        Text("model", Model, UsageEvent.MaximumText);
        Count("estimated_tokens", EstimatedTokens, required: true);
        Count("quantity", Quantity, required: false);
        if (Feature is not null && !UsageEvent.Features.Contains(Feature))
        {
            errors["feature"] = [$"must be one of {string.Join(", ", UsageEvent.Features)}"];
        }

        return errors;

        void Text(string name, string? value, int? maximum)
        {
            if (string.IsNullOrEmpty(value) || value.Length > maximum || value.Any(char.IsControl))
            {
                errors[name] = [maximum is null ? "must be a string of 1 or more characters, without control characters" : $"must be a string of 1 to {maximum} characters"];
            }
        }

        void Count(string name, long? value, bool required)
        {
            if (value is null ? required : value is < 0 or > UsageEvent.MaximumTokens)
            {
                errors[name] = [$"must be a whole number from 0 to {UsageEvent.MaximumTokens}"];
            }
        }
    }
}
