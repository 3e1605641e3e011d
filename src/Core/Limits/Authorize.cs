using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;

namespace ControlPlane.Limits;

/// <summary>A request to authorize one call.</summary>
/// <param name="KeyHash">Hash of the tenant key that the request was sent with.</param>
/// <param name="RequestId">Chosen by the caller. The same id gets the same answer.</param>
/// <param name="EstimatedTokens">Prompt and completion together; reserved until the usage event settles it.</param>
/// <param name="Quantity">Units of <paramref name="Feature"/>.</param>
public sealed record AuthorizationRequest(
    byte[] KeyHash, string RequestId, string User, string Model, long EstimatedTokens, string? Feature, long Quantity);

/// <summary>The answer, serialized as it is (DESIGN section 6).</summary>
/// <param name="Remaining">Tokens left in the tightest hard limit after this reservation; null when unlimited.</param>
/// <param name="Reason">Code of the denial; null when allowed.</param>
/// <param name="RetryAt">When a retry may succeed; null when waiting does not help.</param>
public sealed record AuthorizationAnswer(
    bool Allow, Guid? ReservationId = null, DateTimeOffset? ExpiresAt = null, long? Remaining = null, string? Reason = null, DateTimeOffset? RetryAt = null);

/// <summary>
/// Authorizes calls and reserves their estimates, in the database and in one round trip (<c>control.authorize</c>). Concurrent requests are batched:
/// those that arrive while a batch is running form the next one and share its commit.
/// </summary>
public sealed class Authorize(ControlDatabase database, Clock clock) : IAsyncDisposable
{
    /// <summary>After this time an unsettled reservation is released.</summary>
    public static readonly TimeSpan ReservationLifetime = TimeSpan.FromMinutes(10);

    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    readonly RequestBatcher<AuthorizationRequest, AuthorizationAnswer?> _batcher = new((requests, ct) => AuthorizeBatchAsync(database, clock, requests, ct), concurrency: 1);

    /// <returns>null when the key is unknown or revoked.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; the endpoint answers 503, never "allowed".</exception>
    public Task<AuthorizationAnswer?> RunAsync(AuthorizationRequest request, CancellationToken ct) => _batcher.RunAsync(request, ct);

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    static async Task<IReadOnlyList<AuthorizationAnswer?>> AuthorizeBatchAsync(
        ControlDatabase database, Clock clock, IReadOnlyList<AuthorizationRequest> requests, CancellationToken ct)
    {
        var payload = JsonSerializer.Serialize(
            requests.Select(r => new
            {
                Key = Convert.ToHexStringLower(r.KeyHash),
                Reservation = Ids.New(clock),
                r.RequestId,
                r.User,
                r.Model,
                r.EstimatedTokens,
                r.Feature,
                Quantity = r.Feature is null ? 0 : r.Quantity,
            }),
            Json);
        await using var session = await database.OpenAppAsync(ct);
        var answers = new AuthorizationAnswer?[requests.Count];
        foreach (var (ordinal, answer) in await session.QueryAsync(
            "select ordinal, answer from control.authorize($1::jsonb, $2, $3)", row => (row.GetInt32(0), row.Get<string>(1)), ct, payload, clock.GetUtcNow(), ReservationLifetime))
        {
            answers[ordinal] = answer is null ? null : JsonSerializer.Deserialize<AuthorizationAnswer>(answer, Json);
        }

        return answers;
    }
}
