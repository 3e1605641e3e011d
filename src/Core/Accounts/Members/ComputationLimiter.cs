namespace ControlPlane.Accounts.Members;

/// <summary>The request was refused at once, because too many computations are waiting already.</summary>
public sealed class QueueFullException() : Exception("Too many passwords are being checked at the moment. Try again in a few seconds.")
{
    /// <summary>How long callers should wait before they retry.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);
}

/// <summary>Runs computations that take long on a limited number of threads. Networks take turns, so one that sends many does not delay the others.</summary>
/// <param name="threads">Computations at the same time.</param>
/// <param name="maxWaiting">Computations of all networks together; further ones are refused.</param>
public sealed class ComputationLimiter(int threads, int maxWaiting, int maxWaitingPerNetwork)
{
    readonly Lock _gate = new();
    readonly FairQueue<Computation> _waiting = new();
    readonly Dictionary<string, int> _waitingByNetwork = [];
    int _countWaiting;
    int _countThreads;

    /// <exception cref="QueueFullException">Too many computations are waiting.</exception>
    public Task<T> RunAsync<T>(string network, Func<T> compute, CancellationToken ct)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Enqueue(new Computation(network, () =>
        {
            if (ct.IsCancellationRequested)
            {
                result.SetCanceled(ct);
                return;
            }

            try
            {
                result.SetResult(compute());
            }
            catch (Exception e)
            {
                // Not swallowed: the caller gets it.
                result.SetException(e);
            }
        }));
        return result.Task.WaitAsync(ct);
    }

    void Enqueue(Computation computation)
    {
        lock (_gate)
        {
            var ofNetwork = _waitingByNetwork.GetValueOrDefault(computation.Network);
            if (_countWaiting >= maxWaiting || ofNetwork >= maxWaitingPerNetwork)
            {
                throw new QueueFullException();
            }

            _waiting.Enqueue(computation.Network, computation);
            _waitingByNetwork[computation.Network] = ofNetwork + 1;
            _countWaiting++;
            if (_countThreads == threads)
            {
                return;
            }

            _countThreads++;
        }

        _ = Task.Run(Work);
    }

    void Work()
    {
        while (Dequeue() is { } next)
        {
            next.Run();
        }
    }

    Computation? Dequeue()
    {
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out var next))
            {
                _countThreads--;
                return null;
            }

            _countWaiting--;
            if (--_waitingByNetwork[next.Network] == 0)
            {
                _waitingByNetwork.Remove(next.Network);
            }

            return next;
        }
    }

    sealed record Computation(string Network, Action Run);
}
