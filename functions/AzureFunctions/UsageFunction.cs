using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>Counts usage that waited in the queue. While the database is still away the message comes again, each minute, for a month.</summary>
public sealed class UsageFunction(CurrentApplication application)
{
    [Function("usage_queued")]
    public Task DrainAsync([QueueTrigger(UsageQueue.Name)] string message, CancellationToken ct) => application.DrainAsync(message, ct);
}
