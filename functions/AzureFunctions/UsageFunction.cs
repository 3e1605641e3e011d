using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>Ingests queued usage. While the database is unavailable, the message is delivered again every minute, for about a month.</summary>
public sealed class UsageFunction(CurrentApplication application)
{
    [Function("usage_queued")]
    public Task DrainAsync([QueueTrigger(UsageQueue.Name)] string message, CancellationToken ct) => application.DrainAsync(message, ct);
}
