namespace ControlPlane.Accounts.Members;

/// <summary>The request was refused, because too many computations are waiting already.</summary>
public sealed class QueueFullException() : Exception("Too many passwords are being checked at the moment. Try again in a few seconds.")
{
    /// <summary>How long callers should wait before they retry.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);
}

/// <summary>Runs computations that take long on a limited number of threads. Known callers, such as known devices, have places of their own and every second turn.</summary>
/// <param name="threads">Computations at the same time.</param>
/// <param name="places">Computations that may wait, of all networks together.</param>
/// <param name="placesForKnown">How many of them only known callers may take. They take no others.</param>
public sealed class ComputationLimiter(int threads, int places, int placesForKnown, int placesPerNetwork)
{
    readonly Lock _gate = new();
    readonly WaitingComputations _known = new(placesForKnown, placesPerNetwork);
    readonly WaitingComputations _others = new(places - placesForKnown, placesPerNetwork);
    bool _othersAreNext;
    int _countThreads;

    /// <exception cref="QueueFullException">Too many computations are waiting, or one of another network has taken the place of this one.</exception>
    public Task<T> RunAsync<T>(string network, bool isKnown, Func<T> compute, CancellationToken ct)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Enqueue(isKnown ? _known : _others, new Computation(
            network,
            () =>
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
            },
            () => result.SetException(new QueueFullException())));
        return result.Task.WaitAsync(ct);
    }

    void Enqueue(WaitingComputations waiting, Computation computation)
    {
        lock (_gate)
        {
            if (!waiting.TryEnqueue(computation))
            {
                throw new QueueFullException();
            }

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
            var (first, second) = _othersAreNext ? (_others, _known) : (_known, _others);
            _othersAreNext = !_othersAreNext;
            if ((first.Dequeue() ?? second.Dequeue()) is { } next)
            {
                return next;
            }

            _countThreads--;
            return null;
        }
    }
}
