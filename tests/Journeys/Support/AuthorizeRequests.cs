using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>Authorization requests as gateways send them.</summary>
static class AuthorizeRequests
{
    /// <summary>A tenant whose environment is ready.</summary>
    public static async Task<TestTenant> CreateReadyTenantAsync(this TestServer server, string plan = "basic")
    {
        var tenant = await server.CreateTenantAsync(plan);
        for (var attempt = 0; (await (await tenant.Http.GetAsync("/v1/environment")).ReadAsync()).GetProperty("state").GetString() != "ready"; attempt++)
        {
            Assert.True(attempt < 100, "the environment did not become ready");
            await server.RunJobAsync("provision");
        }

        return tenant;
    }

    public static Task<HttpResponseMessage> PostAuthorizeAsync(this TestTenant tenant, object body) => tenant.Http.PostAsJsonAsync("/v1/authorize", body);

    public static async Task<AuthorizeReply> AuthorizeAsync(
        this TestTenant tenant, long tokens, string user = "u1", string model = "mistral:7b-instruct", string? request = null, string? feature = null,
        long? quantity = null) =>
        AuthorizeReply.Parse(await (await tenant.PostAuthorizeAsync(
            new { request_id = request ?? Names.Random("r"), user, model, estimated_tokens = tokens, feature, quantity })).ReadAsync());

    /// <summary>A limit of GET /v1/subscription.</summary>
    public static async Task<LimitState> LimitAsync(this TestTenant tenant, string limit = "tokens_per_day")
    {
        var json = (await (await tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("limits").GetProperty(limit);
        return new LimitState(Number(json, "maximum"), json.GetProperty("used").GetInt64(), json.GetProperty("reserved").GetInt64(), Number(json, "remaining"));
    }

    static long? Number(JsonElement json, string name) => json.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : null;

    public static async Task SqlAsync(this TestServer server, string sql, params List<object?> args)
    {
        await using var transaction = await server.Database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync(sql, CancellationToken.None, args);
        await transaction.CommitAsync(CancellationToken.None);
    }

    public static async Task<T?> ReadAsync<T>(this TestServer server, string sql, params List<object?> args)
    {
        await using var transaction = await server.Database.BeginJobAsync(CancellationToken.None);
        return await transaction.ScalarAsync<T>(sql, CancellationToken.None, args);
    }
}

sealed record AuthorizeReply(bool Allow, Guid? Reservation, DateTimeOffset? ExpiresAt, long? Remaining, string? Reason, DateTimeOffset? RetryAt)
{
    public static AuthorizeReply Parse(JsonElement json) => new(
        json.GetProperty("allow").GetBoolean(),
        json.TryGetProperty("reservation_id", out var id) ? id.GetGuid() : null,
        json.TryGetProperty("expires_at", out var expires) ? expires.GetDateTimeOffset() : null,
        json.TryGetProperty("remaining", out var remaining) ? remaining.GetInt64() : null,
        json.TryGetProperty("reason", out var reason) ? reason.GetString() : null,
        json.TryGetProperty("retry_at", out var retry) ? retry.GetDateTimeOffset() : null);

    /// <summary>The reason, and when to retry.</summary>
    public (string?, DateTimeOffset?) Denial => Allow ? ("allowed", null) : (Reason, RetryAt);
}

sealed record LimitState(long? Maximum, long Used, long Reserved, long? Remaining);
