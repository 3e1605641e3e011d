using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Keys;

/// <summary>API keys and the webhook secret in the portal. A new one is shown only in the response to its form.</summary>
static class KeyPages
{
    /// <summary>The newest; the API lists all.</summary>
    const int KeysShown = 200;

    public static void MapKeyPages(this IEndpointRouteBuilder routes)
    {
        var app = routes.MapGroup("/app").ExcludeFromDescription();
        app.MapGet("/keys", Show).RequireAuthorization(Policies.Member);
        app.MapPost("/keys", Create).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        app.MapPost("/keys/api", CreateForApi).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        app.MapPost("/keys/{id:guid}/revoke", Revoke).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        app.MapPost("/webhook-secret/rotate", Rotate).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        // Reached by a reload or a sign-in after a form was posted.
        app.MapGet("/webhook-secret/rotate", () => new SeeOther("/app/keys")).RequireAuthorization(Policies.Member);
        app.MapGet("/keys/api", () => new SeeOther("/app/keys")).RequireAuthorization(Policies.Member);
        app.MapGet("/keys/{id:guid}/revoke", () => new SeeOther("/app/keys")).RequireAuthorization(Policies.Member);
    }

    static async Task<RazorComponentResult<KeysPage>> Show(ClaimsPrincipal user, string? done, [AsParameters] KeysReader reader, CancellationToken ct) =>
        new(new { Content = await reader.ReadAsync(user, ct), Revoked = done == "revoked" });

    static async Task<RazorComponentResult<KeysPage>> Create(
        ClaimsPrincipal user, [FromForm] IFormCollection form, CreateKey createKey, [AsParameters] KeysReader reader, CancellationToken ct)
    {
        var name = form["name"].ToString();
        string?[] scopes = [.. form["scopes"]];
        return await createKey.RunAsync(user.TenantId(), new(name, scopes), user.ActorName(), ct) switch
        {
            CreateKeyResult.Created created => new RazorComponentResult<KeysPage>(new { Content = await reader.ReadAsync(user, ct), Created = created.Key }),
            CreateKeyResult.Invalid invalid => new RazorComponentResult<KeysPage>(
                new { Content = await reader.ReadAsync(user, ct), Name = name, Scopes = scopes, invalid.Errors })
            { StatusCode = StatusCodes.Status400BadRequest },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    /// <summary>A key for the environment's API.</summary>
    static async Task<RazorComponentResult<KeysPage>> CreateForApi(
        ClaimsPrincipal user, [FromForm] IFormCollection form, CreateKey createKey, [AsParameters] KeysReader reader, CancellationToken ct)
    {
        var (name, apiUser) = (form["api_name"].ToString(), form["api_user"].ToString());
        return await createKey.RunAsync(user.TenantId(), new(name, [KeyScopes.Chat], apiUser), user.ActorName(), ct) switch
        {
            CreateKeyResult.Created created => new RazorComponentResult<KeysPage>(new { Content = await reader.ReadAsync(user, ct), Created = created.Key }),
            CreateKeyResult.Invalid invalid => new RazorComponentResult<KeysPage>(
                new { Content = await reader.ReadAsync(user, ct), ApiName = name, ApiUser = apiUser, ApiErrors = invalid.Errors })
            { StatusCode = StatusCodes.Status400BadRequest },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Revoke(ClaimsPrincipal user, Guid id, IFormCollection form, RevokeKey revokeKey, CancellationToken ct) =>
        await revokeKey.RunAsync(user.TenantId(), id, user.ActorName(), ct) ? new SeeOther("/app/keys?done=revoked") : TypedResults.NotFound();

    static async Task<RazorComponentResult<KeysPage>> Rotate(
        ClaimsPrincipal user, IFormCollection form, bool? revoke_previous, RotateWebhookSecret rotate, [AsParameters] KeysReader reader, CancellationToken ct)
    {
        var result = await rotate.RunAsync(user.TenantId(), revoke_previous ?? false, user.ActorName(), ct);
        var content = await reader.ReadAsync(user, ct);
        return result switch
        {
            RotateWebhookSecretResult.Rotated rotated => new RazorComponentResult<KeysPage>(new { Content = content, Rotated = rotated }),
            RotateWebhookSecretResult.PreviousStillValid previous =>
                new RazorComponentResult<KeysPage>(new { Content = content, PreviousValidUntil = (DateTimeOffset?)previous.Until }) { StatusCode = StatusCodes.Status409Conflict },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    /// <summary>Reads what the page always shows.</summary>
    sealed record KeysReader(ListKeys ListKeys, ControlDatabase Database, ControlPlaneOptions Options)
    {
        public async Task<KeysContent> ReadAsync(ClaimsPrincipal user, CancellationToken ct)
        {
            var keys = await ListKeys.RunAsync(user.TenantId(), before: null, KeysShown, ct);
            await using var transaction = await Database.BeginAsync(user.TenantId(), ct);
            return new KeysContent(keys, (await EnvironmentStatus.ReadAsync(transaction, Options, user.TenantId(), ct))?.ApiAddress);
        }
    }
}

/// <param name="ApiAddress">Host name of the environment's API; null if the plan has none.</param>
public sealed record KeysContent(IReadOnlyList<TenantKey> Keys, string? ApiAddress);
