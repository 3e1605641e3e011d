using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Identity;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>Message to the provision function: there is work for a tenant's environment.</summary>
public sealed record ProvisioningRequested([property: JsonPropertyName("tenant_id")] Guid TenantId);

/// <summary>
/// Notifies the provision function of work that was committed in this process. Delivery is best effort: duplicates are no-ops, and a lost message
/// delays the run until the next timer (1 min).
/// </summary>
sealed class ProvisioningQueue
{
    public const string Name = "provision";

    readonly ConcurrentQueue<Guid> _committed = new();
    readonly QueueClient? _queue;
    readonly ILogger<ProvisioningQueue> _log;

    /// <param name="queue">null: the timer alone starts provisioning.</param>
    public ProvisioningQueue(ControlDatabase database, QueueClient? queue, ILogger<ProvisioningQueue> log)
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

    /// <summary>Sends notifications of what was committed since the last call.</summary>
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
                _log.LogWarning("Could not publish to the provisioning queue; the next timer run will pick the work up: {Reason}", e.Message);
            }
        }
    }
}
