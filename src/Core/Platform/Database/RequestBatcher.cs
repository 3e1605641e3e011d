using System.Threading.Channels;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Batches concurrent small requests, so that they share a round trip and a commit: requests that arrive while a batch is running go into the next one. A
/// single request is not delayed. Results are never buffered: a request completes after its commit, or fails with its batch. A batch is cancelled once
/// all of its callers have cancelled, so one that hangs does not block later requests. One batch runs at a time.
/// </summary>
public sealed class RequestBatcher<TRequest, TAnswer> : IAsyncDisposable
{
    readonly Channel<Pending> _arrived = Channel.CreateUnbounded<Pending>();
    readonly FairQueue<Pending> _waiting = new();
    readonly Func<IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> _executeBatch;
    readonly CancellationTokenSource _stopping = new();
    readonly Task _worker;
    readonly int _maxBatchSize;
    readonly Func<TRequest, object> _fairBy;

    /// <param name="executeBatch">Answers the requests of a batch, in their order.</param>
    /// <param name="maxBatchSize">Requests per batch at most.</param>
    /// <param name="fairBy">The sender of a request: when more requests wait than a batch holds, the senders take turns. null: first come, first served.</param>
    public RequestBatcher(
        Func<IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> executeBatch, int maxBatchSize = 128, Func<TRequest, object>? fairBy = null)
    {
        (_executeBatch, _maxBatchSize, _fairBy) = (executeBatch, maxBatchSize, fairBy ?? (_ => this));
        _worker = Task.Run(WorkAsync);
    }

    /// <summary>Cancellation returns at once; the request may still be executed, with the others of its batch.</summary>
    public async Task<TAnswer> RunAsync(TRequest request, CancellationToken ct)
    {
        var pending = new Pending(request, new TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously), ct);
        await _arrived.Writer.WriteAsync(pending, ct);
        return await pending.Answer.Task.WaitAsync(ct);
    }

    /// <summary>May be called twice, as a container does for a service that is registered under two types.</summary>
    public async ValueTask DisposeAsync()
    {
        _arrived.Writer.TryComplete();
        await _stopping.CancelAsync();
        await _worker;
    }

    async Task WorkAsync()
    {
        do
        {
            while (TakeBatch() is { Count: > 0 } batch)
            {
                await ExecuteAsync(batch);
            }
        }
        while (await _arrived.Reader.WaitToReadAsync());
    }

    List<Pending> TakeBatch()
    {
        while (_arrived.Reader.TryRead(out var pending))
        {
            _waiting.Enqueue(_fairBy(pending.Request), pending);
        }

        var batch = new List<Pending>();
        while (batch.Count < _maxBatchSize && _waiting.TryDequeue(out var pending))
        {
            if (!pending.CallerCancellation.IsCancellationRequested)
            {
                batch.Add(pending);
            }
        }

        return batch;
    }

    async Task ExecuteAsync(List<Pending> batch)
    {
        var cancel = new CancellationTokenSource();
        await using var stop = _stopping.Token.Register(cancel.Cancel);
        var activeCallers = batch.Count;
        var registrations = batch.ConvertAll(pending => pending.CallerCancellation.Register(() =>
        {
            if (Interlocked.Decrement(ref activeCallers) == 0)
            {
                cancel.CancelOnDedicatedThread();
            }
        }));
        try
        {
            var answers = await _executeBatch([.. batch.Select(pending => pending.Request)], cancel.Token);
            foreach (var (pending, answer) in batch.Zip(answers))
            {
                pending.Answer.SetResult(answer);
            }
        }
        catch (Exception e)
        {
            // Not swallowed: every caller gets it.
            foreach (var pending in batch)
            {
                pending.Answer.TrySetException(e);
            }
        }
        finally
        {
            registrations.ForEach(registration => registration.Dispose());
        }
    }

    sealed record Pending(TRequest Request, TaskCompletionSource<TAnswer> Answer, CancellationToken CallerCancellation);
}
