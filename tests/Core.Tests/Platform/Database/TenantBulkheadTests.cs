using System.Collections.Concurrent;

namespace ControlPlane.Tests.Platform.Database;

public sealed class TenantBulkheadTests : IAsyncDisposable
{
    static readonly Guid A = new("0198a000-0000-7000-8000-00000000000a"), B = new("0198b000-0000-7000-8000-00000000000b"), C = new("0198c000-0000-7000-8000-00000000000c");

    readonly ConcurrentDictionary<Guid, TaskCompletionSource> _locks = new();
    readonly ConcurrentQueue<(Guid Tenant, string[] Requests)> _batches = new();
    readonly TenantBulkhead<string, string> _bulkhead;

    public TenantBulkheadTests() => _bulkhead = new(
        async (tenant, requests, ct) =>
        {
            _batches.Enqueue((tenant, [.. requests]));
            await (_locks.TryGetValue(tenant, out var locked) ? locked.Task : Task.CompletedTask).WaitAsync(ct);
            return requests;
        },
        maxBatchSize: 10, maxTenants: 2, capacity: 4, maxWait: TimeSpan.FromMinutes(5));

    public ValueTask DisposeAsync() => _bulkhead.DisposeAsync();

    [Fact]
    public async Task Requests_of_a_locked_tenant_wait_in_one_batch_after_the_other_and_those_of_others_are_answered()
    {
        var unlock = Lock(A);
        var first = _bulkhead.RunAsync(A, "a1", default);
        await UntilAsync(() => _batches.Count == 1);
        var waiting = Enumerable.Range(2, 2).Select(n => _bulkhead.RunAsync(A, $"a{n}", default)).ToList();

        Assert.Equal("b1", await _bulkhead.RunAsync(B, "b1", default));
        Assert.True(_bulkhead.IsInUseBy(A));
        Assert.False(_bulkhead.IsInUseBy(B));
        unlock.SetResult();

        Assert.Equal("a1", await first);
        Assert.Equal(["a2", "a3"], await Task.WhenAll(waiting));
        Assert.Equal([["a1"], ["a2", "a3"]], _batches.Where(batch => batch.Tenant == A).Select(batch => batch.Requests));
        Assert.False(_bulkhead.IsInUseBy(A));
    }

    [Fact]
    public async Task A_tenant_with_too_many_requests_is_refused_and_no_other()
    {
        var unlock = Lock(A);
        var waiting = Enumerable.Range(0, 4).Select(n => _bulkhead.RunAsync(A, $"a{n}", default)).ToList();

        Assert.True((await Assert.ThrowsAsync<TenantBusyException>(() => _bulkhead.RunAsync(A, "a4", default))).QueueIsFull);
        Assert.Equal("b1", await _bulkhead.RunAsync(B, "b1", default));
        unlock.SetResult();
        await Task.WhenAll(waiting);
        Assert.Equal("a5", await _bulkhead.RunAsync(A, "a5", default));
    }

    [Fact]
    public async Task A_caller_that_leaves_frees_its_place()
    {
        _ = Lock(A);
        _ = Lock(B);
        using var leaving = new CancellationTokenSource();
        var stuck = new[] { _bulkhead.RunAsync(A, "a", leaving.Token), _bulkhead.RunAsync(B, "b", leaving.Token) };
        await UntilAsync(() => _batches.Count == 2);
        var third = _bulkhead.RunAsync(C, "c", default);
        Assert.False(third.IsCompleted);

        await leaving.CancelAsync();

        Assert.Equal("c", await third.WaitAsync(TimeSpan.FromSeconds(30)));
        foreach (var request in stuck)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        }

        Assert.False(_bulkhead.IsInUseBy(A));
    }

    [Fact]
    public async Task A_request_that_waits_too_long_for_earlier_ones_is_refused_before_its_caller_takes_the_database_for_unavailable()
    {
        await using var bulkhead = WithShortTimeout();
        var unlock = Lock(A);
        var running = bulkhead.RunAsync(A, "a1", default);
        await UntilAsync(() => _batches.Count == 1);

        Assert.True((await Assert.ThrowsAsync<TenantBusyException>(() => bulkhead.RunAsync(A, "a2", default))).QueueIsFull);
        Assert.Equal("b1", await bulkhead.RunAsync(B, "b1", default));
        // The limit is for waiting: one that runs is not cut off.
        Assert.False(running.IsCompleted);
        unlock.SetResult();
        Assert.Equal("a1", await running);
        Assert.Equal("a3", await bulkhead.RunAsync(A, "a3", default));
        Assert.DoesNotContain(_batches, batch => batch.Requests.Contains("a2"));
    }

    [Fact]
    public async Task A_request_that_waits_too_long_for_other_tenants_is_refused_as_busy_and_not_as_too_many_of_its_own()
    {
        await using var bulkhead = WithShortTimeout();
        TaskCompletionSource[] unlock = [Lock(A), Lock(B)];
        var running = new[] { bulkhead.RunAsync(A, "a1", default), bulkhead.RunAsync(B, "b1", default) };
        await UntilAsync(() => _batches.Count == 2);

        Assert.False((await Assert.ThrowsAsync<TenantBusyException>(() => bulkhead.RunAsync(C, "c1", default))).QueueIsFull);
        Assert.DoesNotContain(running, request => request.IsCompleted);
        Assert.All(unlock, locked => locked.SetResult());
        await Task.WhenAll(running);
        Assert.Equal("c2", await bulkhead.RunAsync(C, "c2", default));
    }

    TenantBulkhead<string, string> WithShortTimeout() => new(
        async (tenant, requests, ct) =>
        {
            _batches.Enqueue((tenant, [.. requests]));
            await (_locks.TryGetValue(tenant, out var locked) ? locked.Task : Task.CompletedTask).WaitAsync(ct);
            return requests;
        },
        maxBatchSize: 1, maxTenants: 2, capacity: 4, maxWait: TimeSpan.FromSeconds(2));

    TaskCompletionSource Lock(Guid tenant) => _locks[tenant] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(5);
        }
    }
}
