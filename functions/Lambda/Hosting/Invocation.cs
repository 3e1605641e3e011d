using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Hosting;

/// <summary>One invocation of the function by Lambda.</summary>
sealed class Invocation : IDisposable
{
    readonly CancellationTokenSource _deadline;

    /// <param name="margin">How long before Lambda's timeout the work has to stop.</param>
    public Invocation(ILambdaContext context, TimeSpan margin, TimeProvider time)
    {
        Context = context;
        var remaining = context.RemainingTime - margin;
        _deadline = new CancellationTokenSource(remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero, time);
    }

    public ILambdaContext Context { get; }

    /// <summary>Cancelled early enough to roll back work in progress and to respond.</summary>
    public CancellationToken Deadline => _deadline.Token;

    public void Dispose() => _deadline.Dispose();
}
