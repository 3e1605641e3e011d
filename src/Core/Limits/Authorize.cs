using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;

namespace ControlPlane.Limits;

/// <summary>One call that asks whether it may go ahead.</summary>
/// <param name="KeyHash">Of the tenant key it came with.</param>
/// <param name="RequestId">The caller's own: the same one gets the same answer.</param>
/// <param name="EstimatedTokens">Prompt and completion together; held until the usage event settles it.</param>
/// <param name="Quantity">How many of <paramref name="Feature"/>.</param>
public sealed record AuthorizationRequest(
    byte[] KeyHash, string RequestId, string User, string Model, long EstimatedTokens, string? Feature, long Quantity);

/// <summary>DESIGN section 6: the answer as it goes out.</summary>
/// <param name="Remaining">Tokens left after this reservation in the tightest hard limit; null when unlimited.</param>
/// <param name="Reason">Why not, in one word; null when allowed.</param>
/// <param name="RetryAt">When asking again may help; null when waiting does not.</param>
public sealed record AuthorizationAnswer(
    bool Allow, Guid? ReservationId = null, DateTimeOffset? ExpiresAt = null, long? Remaining = null, string? Reason = null, DateTimeOffset? RetryAt = null);

/// <summary>
/// Answers whether calls may go ahead, and reserves their estimate. All of it happens in the database, in one round trip: see migration 0010.
/// Requests that arrive while a round trip is under way go together in the next one, and share its commit.
/// </summary>
public sealed class Authorize(ControlDatabase database, Clock clock) : IAsyncDisposable
{
    /// <summary>How long a reservation holds its estimate.</summary>
    public static readonly TimeSpan ReservationLifetime = TimeSpan.FromMinutes(10);

    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    readonly RequestBatcher<AuthorizationRequest, AuthorizationAnswer?> _roundTrip = new((requests, ct) => AskAsync(database, clock, requests, ct), concurrency: 1);

    /// <returns>null when the key is unknown or revoked.</returns>
    /// <exception cref="NpgsqlException">The database is away; the endpoint answers 503, never "allowed".</exception>
    public Task<AuthorizationAnswer?> RunAsync(AuthorizationRequest request, CancellationToken ct) => _roundTrip.RunAsync(request, ct);

    public ValueTask DisposeAsync() => _roundTrip.DisposeAsync();

    static async Task<IReadOnlyList<AuthorizationAnswer?>> AskAsync(
        ControlDatabase database, Clock clock, IReadOnlyList<AuthorizationRequest> requests, CancellationToken ct)
    {
        var asked = JsonSerializer.Serialize(
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
            "select ordinal, answer from control.authorize($1::jsonb, $2, $3)", row => (row.GetInt32(0), row.Get<string>(1)), ct, asked, clock.GetUtcNow(), ReservationLifetime))
        {
            answers[ordinal] = answer is null ? null : JsonSerializer.Deserialize<AuthorizationAnswer>(answer, Json);
        }

        return answers;
    }
}
