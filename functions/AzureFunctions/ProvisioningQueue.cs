using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Identity;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>News that a tenant's environment has work to do.</summary>
public sealed record ProvisioningRequested([property: JsonPropertyName("tenant_id")] Guid TenantId);

/// <summary>
/// Tells the provision function at once of what was committed in this process. The database has the work: a message too many finds nothing
/// to do, and one that is lost costs the minute until the timer.
/// </summary>
sealed class WorkQueue
{
    public const string Name = "provision";

    readonly ConcurrentQueue<Guid> _committed = new();
    readonly QueueClient? _queue;
    readonly ILogger<WorkQueue> _log;

    /// <param name="queue">null: the timer does it all.</param>
    public WorkQueue(ControlDatabase database, QueueClient? queue, ILogger<WorkQueue> log)
    {
        (_queue, _log) = (queue, log);
        database.Announced += work =>
        {
            if (work.Job == JobSchedules.Provision.Name)
            {
                _committed.Enqueue(work.Tenant);
            }
        };
    }

    /// <summary>Sends news of what was committed since the last time.</summary>
    public async Task SendAsync(CancellationToken ct)
    {
        while (_committed.TryDequeue(out var tenant))
        {
            try
            {
                await (_queue?.SendMessageAsync(JsonSerializer.Serialize(new ProvisioningRequested(tenant)), ct) ?? Task.CompletedTask);
            }
            catch (Exception e) when (e is RequestFailedException or AuthenticationFailedException or AggregateException or OperationCanceledException)
            {
                _log.LogWarning("Provisioning starts with its timer, because the queue did not take the news: {Why}", e.Message);
            }
        }
    }
}
