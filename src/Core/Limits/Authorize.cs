using System.Globalization;
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
/// those that arrive while a batch is running form the next one and share its commit. A batch waits for no tenant's locks: requests of a tenant whose
/// budget rows another transaction holds are left out of it and wait apart from it, with a limit.
/// </summary>
public sealed class Authorize : IAsyncDisposable
{
    /// <summary>After this time an unsettled reservation is released.</summary>
    public static readonly TimeSpan ReservationLifetime = TimeSpan.FromMinutes(10);

    /// <summary>How long a batch of a locked tenant waits. A request may also have to wait for the batch before, and gateways wait for five seconds.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);

    const int MaxBatchSize = 128, MaxLockedTenants = 8, MaxRequestsPerLockedTenant = 512;

    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    readonly ControlDatabase _database;
    readonly Clock _clock;
    readonly RequestBatcher<AuthorizationRequest, Outcome> _batcher;
    readonly TenantBulkhead<AuthorizationRequest, Outcome> _lockedTenants;

    public Authorize(ControlDatabase database, Clock clock)
    {
        (_database, _clock) = (database, clock);
        _batcher = new((requests, ct) => AuthorizeBatchAsync(requests, wait: false, ct), MaxBatchSize, fairBy: request => Convert.ToHexString(request.KeyHash));
        _lockedTenants = new((_, requests, ct) => AuthorizeBatchAsync(requests, wait: true, ct), MaxRequestsPerLockedTenant, MaxLockedTenants, MaxRequestsPerLockedTenant);
    }

    /// <returns>null when the key is unknown or revoked.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; the endpoint answers 503, never "allowed".</exception>
    /// <exception cref="TenantBusyException">The tenant's budget rows were locked for too long.</exception>
    public async Task<AuthorizationAnswer?> RunAsync(AuthorizationRequest request, CancellationToken ct)
    {
        var outcome = await _batcher.RunAsync(request, ct);
        if (outcome.LockedTenant is { } tenant)
        {
            outcome = await _lockedTenants.RunAsync(tenant, request, ct);
        }

        return outcome.Answer;
    }

    public async ValueTask DisposeAsync()
    {
        await _batcher.DisposeAsync();
        await _lockedTenants.DisposeAsync();
    }

    async Task<IReadOnlyList<Outcome>> AuthorizeBatchAsync(IReadOnlyList<AuthorizationRequest> requests, bool wait, CancellationToken ct)
    {
        var payload = JsonSerializer.Serialize(
            requests.Select(r => new
            {
                Key = Convert.ToHexStringLower(r.KeyHash),
                Reservation = Ids.New(_clock),
                r.RequestId,
                r.User,
                r.Model,
                r.EstimatedTokens,
                r.Feature,
                Quantity = r.Feature is null ? 0 : r.Quantity,
                Wait = wait,
            }),
            Json);
        await using var session = await _database.OpenAppAsync(ct, LockTimeout);
        var outcomes = new Outcome[requests.Count];
        foreach (var (ordinal, outcome) in await session.QueryAsync(
            "select ordinal, answer ->> 'busy', answer from control.authorize($1::jsonb, $2, $3)", row => (row.GetInt32(0), Read(row)), ct,
            payload, _clock.GetUtcNow(), ReservationLifetime))
        {
            outcomes[ordinal] = outcome;
        }

        return outcomes;
    }

    static Outcome Read(NpgsqlDataReader row) => row.Get<string>(1) is { } tenant
        ? new Outcome(LockedTenant: Guid.Parse(tenant, CultureInfo.InvariantCulture))
        : new Outcome(Answer: row.Get<string>(2) is { } answer ? JsonSerializer.Deserialize<AuthorizationAnswer>(answer, Json) : null);

    /// <param name="LockedTenant">Set when the request was not processed.</param>
    readonly record struct Outcome(AuthorizationAnswer? Answer = null, Guid? LockedTenant = null);
}
