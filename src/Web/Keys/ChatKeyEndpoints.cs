using System.Text.Json.Serialization;

namespace ControlPlane.Web.Keys;

/// <summary>
/// Whose key a call to a tenant's API has. The reverse proxy asks before it passes the call on, and replaces the caller's headers with those of this answer, so it is the only
/// source of the user whom the gateway authorizes. Nothing is cached: a revoked key ends with the next call. Errors also have the member <c>error</c> of OpenAI's, because the proxy returns them to the caller.
/// </summary>
static class ChatKeyEndpoints
{
    /// <summary>Where the gateway's budget hook reads the user of a call, as Open WebUI sends it.</summary>
    const string UserHeader = "X-OpenWebUI-User-Id";

    public static void MapChatKeys(this IEndpointRouteBuilder routes) =>
        routes.MapGet($"{DataPlaneOptions.KeyCheckPath}/{{tenant:guid}}", Get).ExcludeFromDescription();

    static async Task<Results<NoContent, ProblemHttpResult>> Get(
        Guid tenant, HttpContext http, FindTenantKey findTenantKey, DatabaseCircuit circuit, CancellationToken ct)
    {
        if (BearerKeys.KeyOf(http.Request) is not { } key)
        {
            return Error(StatusCodes.Status401Unauthorized, "missing_api_key", "Send your API key as Authorization: Bearer cpt_….");
        }

        FoundKey? found;
        try
        {
            var network = RateLimits.Client(http.Connection.RemoteIpAddress);
            found = Credentials.IsTenantKey(key)
                ? await circuit.RunAsync(work => findTenantKey.RunAsync(Credentials.Hash(key), network, work), ct)
                : null;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            http.Response.Headers.RetryAfter = "5";
            return Error(StatusCodes.Status503ServiceUnavailable, "unavailable", "Your API key cannot be checked right now, so the request was not sent. Nothing was charged. Try again in a few seconds.");
        }

        if (found is null || found.Tenant != tenant)
        {
            return Error(StatusCodes.Status401Unauthorized, "invalid_api_key", "This API key is unknown or revoked, or belongs to another address. Create one on the page Keys of the portal.");
        }

        http.SetTenant(tenant);
        if (found.User is not { } user)
        {
            return Error(StatusCodes.Status403Forbidden, "missing_scope", "This key lacks the scope chat. Create one with it, on the page Keys of the portal or with POST /v1/keys.");
        }

        http.Response.Headers[UserHeader] = user;
        return TypedResults.NoContent();
    }

    static ProblemHttpResult Error(int status, string code, string message) => TypedResults.Problem(
        message, statusCode: status, title: status switch
        {
            StatusCodes.Status401Unauthorized => "Not authenticated",
            StatusCodes.Status403Forbidden => "Missing scope",
            _ => "Database unavailable",
        },
        extensions: new Dictionary<string, object?>
        {
            ["error"] = new OpenAiError(message, status == StatusCodes.Status503ServiceUnavailable ? "server_error" : "invalid_request_error", code),
        });

    /// <param name="Param">The field that is wrong: none, but clients expect it.</param>
    sealed record OpenAiError(string Message, string Type, string Code, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param = null);
}
