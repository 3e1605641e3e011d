using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// A bulkhead: runs work that may wait for a tenant's locks, so that only that tenant waits. Requests of one tenant form batches that run one after the other,
/// each on one connection; only a few tenants run at the same time. Requests whose callers have cancelled are left out, and a batch whose callers have
/// all cancelled is cancelled, which frees its connection.
/// </summary>
/// <param name="executeBatch">Answers the requests of a tenant's batch, in their order. Its connection needs a lock timeout.</param>
/// <param name="maxBatchSize">Requests per batch at most. When all that may wait fit into one, a request waits for two lock timeouts at most.</param>
/// <param name="maxTenants">Batches, and so connections, at the same time.</param>
/// <param name="capacity">The size of one tenant's requests at the same time, running or waiting. Further ones are refused, but never the only one.</param>
/// <param name="sizeOf">null: each has the size 1.</param>
/// <param name="maxWait">How long a request waits to start: for earlier ones of its tenant, then for other tenants' batches to end. Shorter than its caller's timeout, for
/// which that would look like a database that does not answer.</param>
public sealed class TenantBulkhead<TRequest, TAnswer>(
    Func<Guid, IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> executeBatch, int maxBatchSize, int maxTenants, int capacity,
    TimeSpan maxWait, Func<TRequest, int>? sizeOf = null) : IAsyncDisposable
{
    readonly Lock _gate = new();
    readonly Dictionary<Guid, Lane> _lanes = [];
    // First come, first served: each tenant waits once, with its next batch, so tenants take turns.
    readonly SemaphoreSlim _connections = new(maxTenants);

    /// <summary>Whether requests of the tenant are running or waiting.</summary>
    public bool IsInUseBy(Guid tenant)
    {
        lock (_gate)
        {
            return _lanes.ContainsKey(tenant);
        }
    }

    /// <exception cref="TenantBusyException">The tenant's locks were not free in time, or too many of its requests are waiting, or for too long; or too many tenants'.</exception>
    public async Task<TAnswer> RunAsync(Guid tenant, TRequest request, CancellationToken ct)
    {
        var size = sizeOf?.Invoke(request) ?? 1;
        var lane = Enter(tenant, size);
        try
        {
            return await RunAsync(lane, new Queued(request), ct);
        }
        finally
        {
            Leave(tenant, lane, size);
        }
    }

    async Task<TAnswer> RunAsync(Lane lane, Queued request, CancellationToken ct)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var answer = lane.Batcher.RunAsync(request, leave.Token);
        Task startedOrLeft = Task.WhenAny(request.Started.Task, answer);
        await startedOrLeft.WaitAsync(maxWait, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (startedOrLeft.IsCompleted)
        {
            return await answer;
        }

        await leave.CancelAsync();
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        throw request.IsNext ? TenantBusyException.NoPlace() : TenantBusyException.FullQueue();
    }

    public async ValueTask DisposeAsync()
    {
        List<Lane> lanes;
        lock (_gate)
        {
            lanes = [.. _lanes.Values];
        }

        foreach (var lane in lanes)
        {
            await lane.Batcher.DisposeAsync();
        }
    }

    Lane Enter(Guid tenant, int size)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(tenant, out var lane))
            {
                _lanes[tenant] = lane = new Lane(new((requests, ct) => ExecuteAsync(tenant, requests, ct), maxBatchSize));
            }

            if (lane.Requests > 0 && lane.Size + size > capacity)
            {
                throw TenantBusyException.FullQueue();
            }

            lane.Requests++;
            lane.Size += size;
            return lane;
        }
    }

    void Leave(Guid tenant, Lane lane, int size)
    {
        lock (_gate)
        {
            lane.Size -= size;
            if (--lane.Requests > 0)
            {
                return;
            }

            _lanes.Remove(tenant);
        }

        // Not awaited: a batch that was just cancelled may take a while to end, and the caller need not wait for that.
        _ = lane.Batcher.DisposeAsync().AsTask();
    }

    async Task<IReadOnlyList<TAnswer>> ExecuteAsync(Guid tenant, IReadOnlyList<Queued> requests, CancellationToken ct)
    {
        foreach (var request in requests)
        {
            request.IsNext = true;
        }

        await _connections.WaitAsync(ct);
        try
        {
            // Refused in the meantime.
            ct.ThrowIfCancellationRequested();
            foreach (var request in requests)
            {
                request.Started.TrySetResult();
            }

            return await executeBatch(tenant, [.. requests.Select(request => request.Request)], ct);
        }
        catch (PostgresException e) when (TenantBusyException.Of(e) is { } busy)
        {
            throw busy;
        }
        finally
        {
            _connections.Release();
        }
    }

    sealed record Queued(TRequest Request)
    {
        /// <summary>No earlier request of its tenant is in its way any more.</summary>
        public volatile bool IsNext;

        /// <summary>Completes when the request's batch starts.</summary>
        public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    sealed class Lane(RequestBatcher<Queued, TAnswer> batcher)
    {
        public RequestBatcher<Queued, TAnswer> Batcher => batcher;
        public int Requests { get; set; }
        public long Size { get; set; }
    }
}
