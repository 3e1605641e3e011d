using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Hosting;

/// <summary>One call of the function by Lambda.</summary>
sealed class Invocation : IDisposable
{
    readonly CancellationTokenSource _deadline;

    /// <param name="margin">How long before Lambda would end the process the work has to stop.</param>
    public Invocation(ILambdaContext context, TimeSpan margin, TimeProvider time)
    {
        Context = context;
        var rest = context.RemainingTime - margin;
        _deadline = new CancellationTokenSource(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, time);
    }

    public ILambdaContext Context { get; }

    /// <summary>Cancelled in time for what is under way to be rolled back, and for an answer that says so.</summary>
    public CancellationToken Deadline => _deadline.Token;

    public void Dispose() => _deadline.Dispose();
}
