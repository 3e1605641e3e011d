using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;

namespace ControlPlane.Limits;

/// <summary>A request to authorize one call.</summary>
/// <param name="KeyHash">Hash of the tenant key that the request was sent with.</param>
/// <param name="RequestId">Chosen by the caller. An allowed id gets the same answer again; a denied one is decided anew.</param>
/// <param name="EstimatedTokens">Prompt and completion together; reserved until the usage event settles it.</param>
/// <param name="Quantity">Units of <paramref name="Feature"/>.</param>
/// <param name="Network">Of the caller. Requests with keys that have not been verified in this process take turns by it.</param>
public sealed record AuthorizationRequest(
    byte[] KeyHash, string RequestId, string User, string Model, long EstimatedTokens, string? Feature, long Quantity, string Network = "");

/// <summary>The answer of <c>POST /v1/authorize</c>.</summary>
/// <param name="Remaining">Tokens left in the tightest hard limit after this reservation; null when unlimited.</param>
/// <param name="Reason">Code of the denial; null when allowed.</param>
/// <param name="RetryAt">When a retry may succeed; null when waiting does not help.</param>
public sealed record AuthorizationAnswer(
    bool Allow, Guid? ReservationId = null, DateTimeOffset? ExpiresAt = null, long? Remaining = null, string? Reason = null, DateTimeOffset? RetryAt = null);

/// <summary>
/// Authorizes calls and reserves their estimates, in the database and in one round trip (<c>control.authorize</c>). Concurrent requests are batched:
/// those that arrive while a batch is running form the next one and share its commit. When more wait than a batch holds, tenants take turns. A batch waits
/// for no tenant's locks: requests of a tenant whose budget rows another transaction holds, or of which many reservations have expired, are left out of it
/// and run apart from it, with a limit.
/// </summary>
public sealed class Authorize : IAsyncDisposable
{
    /// <summary>After this time an unsettled reservation is released.</summary>
    public static readonly TimeSpan ReservationLifetime = TimeSpan.FromMinutes(10);

    /// <summary>How long a batch of a locked tenant waits. A request may also have to wait for the batch before, and gateways wait for five seconds.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Until a batch of a locked tenant starts. Together they are as long as gateways wait.</summary>
    static readonly TimeSpan QueueTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Reservations that a tenant may hold at the same time, which is how many calls may run.</summary>
    public const int DefaultMaxHeld = 5_000;

    /// <summary>The highest such limit: one transaction can still release them all (lock_and_release).</summary>
    public const int HighestMaxHeld = 10_000;

    /// <summary>Calls of all unapproved tenants to a shared Ollama at the same time: one less than it answers, so that the others find a place.</summary>
    public const int DefaultSharedPlaces = 2;

    const int MaxBatchSize = 128, MaxLockedTenants = 8, MaxRequestsPerLockedTenant = 512;

    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    readonly ControlDatabase _database;
    readonly Clock _clock;
    readonly int _maxHeld, _sharedPlaces;
    readonly UsageQuota? _usageQuota;
    // By key hash, in hexadecimal. A key never changes its tenant, so an entry stays right; whether the key may still authorize is checked with each request.
    readonly VerifiedSenders<string> _verifiedKeys = new();
    readonly RequestBatcher<AuthorizationRequest, Outcome> _batcher;
    readonly TenantBulkhead<AuthorizationRequest, Outcome> _lockedTenants;

    /// <param name="maxHeld">Reservations that a tenant may hold at the same time.</param>
    /// <param name="usageQuota">null: unlimited.</param>
    /// <param name="sharedPlaces">Calls of all unapproved tenants to a shared Ollama at the same time, one of each.</param>
    public Authorize(ControlDatabase database, Clock clock, int maxHeld = DefaultMaxHeld, UsageQuota? usageQuota = null, int sharedPlaces = DefaultSharedPlaces)
    {
        (_database, _clock, _maxHeld, _usageQuota, _sharedPlaces) = (database, clock, maxHeld, usageQuota, sharedPlaces);
        _batcher = new(
            (requests, ct) => AuthorizeBatchAsync(requests, wait: false, ct), MaxBatchSize,
            fairBy: request => _verifiedKeys.TurnOf(Convert.ToHexString(request.KeyHash), request.Network));
        _lockedTenants = new((_, requests, ct) => AuthorizeBatchAsync(requests, wait: true, ct), MaxRequestsPerLockedTenant, MaxLockedTenants, MaxRequestsPerLockedTenant, QueueTimeout);
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

    /// <summary>The tenant of a key that has been verified in this process; null: not yet.</summary>
    public Guid? TenantOf(byte[] keyHash) => _verifiedKeys.TenantOf(Convert.ToHexString(keyHash));

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
                MaxHeld = _maxHeld,
                UsageEvents = _usageQuota?.Events,
                UsageMaximum = _usageQuota?.Maximum,
                SharedPlaces = _sharedPlaces,
            }),
            Json);
        await using var session = await _database.OpenAppAsync(ct, LockTimeout);
        var outcomes = new Outcome[requests.Count];
        foreach (var (ordinal, outcome) in await session.QueryAsync(
            "select ordinal, answer ->> 'busy', answer, (answer ->> 'tenant_id')::uuid from control.authorize($1::jsonb, $2, $3)", row => (row.GetInt32(0), Read(row)), ct,
            payload, _clock.GetUtcNow(), ReservationLifetime))
        {
            outcomes[ordinal] = outcome;
            if ((outcome.Tenant ?? outcome.LockedTenant) is { } tenant)
            {
                _verifiedKeys.Add(Convert.ToHexString(requests[ordinal].KeyHash), tenant);
            }
            else
            {
                // Revoked, or without the right to authorize: its further requests are not the tenant's.
                _verifiedKeys.Remove(Convert.ToHexString(requests[ordinal].KeyHash));
            }
        }

        return outcomes;
    }

    static Outcome Read(NpgsqlDataReader row) => row.Get<string>(1) is { } tenant
        ? new Outcome(LockedTenant: Guid.Parse(tenant, CultureInfo.InvariantCulture))
        : new Outcome(Answer: row.Get<string>(2) is { } answer ? JsonSerializer.Deserialize<AuthorizationAnswer>(answer, Json) : null, Tenant: row.Get<Guid?>(3));

    /// <param name="LockedTenant">Set when the request was not processed.</param>
    readonly record struct Outcome(AuthorizationAnswer? Answer = null, Guid? Tenant = null, Guid? LockedTenant = null);
}
