using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Lambda.Work;

/// <summary>Message to the function <c>provision</c>: there is work.</summary>
/// <param name="TenantId">Tenant of the environment; null: all work that is due.</param>
sealed record ProvisioningRequested([property: JsonPropertyName("tenant_id")] Guid? TenantId);

/// <summary>
/// Notifies the function <c>provision</c> of work that was committed in this process. Delivery is best effort: duplicates are no-ops, and a lost
/// message delays the run until the next schedule (1 min).
/// </summary>
sealed class ProvisioningNotifier
{
    const string Queue = "CONTROLPLANE_PROVISION_QUEUE";

    /// <summary>Short, because a request waits for it.</summary>
    static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(1);

    readonly ConcurrentQueue<Guid> _committed = new();
    readonly string? _queue;
    readonly IServiceProvider _services;
    readonly ILogger<ProvisioningNotifier> _log;

    public ProvisioningNotifier(ControlDatabase database, IConfiguration configuration, IServiceProvider services, ILogger<ProvisioningNotifier> log)
    {
        (_queue, _services, _log) = (configuration[Queue], services, log);
        database.Announced += work =>
        {
            if (work.Job == JobSchedules.Provision.Name)
            {
                _committed.Enqueue(work.Tenant);
            }
        };
    }

    /// <summary>Sends notifications of what was committed since the last call.</summary>
    public async Task SendAsync()
    {
        var tenants = new HashSet<Guid?>();
        while (_committed.TryDequeue(out var tenant))
        {
            tenants.Add(tenant);
        }

        if (tenants.Count > 0)
        {
            await SendAsync(tenants);
        }
    }

    /// <summary>The job <c>provision</c> in functions that do not run it themselves.</summary>
    public async Task<JobReport> ForwardToQueueAsync(CancellationToken ct) => JobReport.Of(("handed_on", await SendAsync([null]) ? 1 : 0));

    /// <returns>False if the messages could not be sent. That is logged and not an error: the database has the work.</returns>
    public async Task<bool> SendAsync(IReadOnlyCollection<Guid?> tenants)
    {
        if (string.IsNullOrEmpty(_queue))
        {
            return false;
        }

        using var timeout = new CancellationTokenSource(SendTimeout);
        try
        {
            // Resolved only now: most invocations send nothing, and creating a client takes time.
            var sender = _services.GetRequiredService<QueueSender>();
            await sender.SendAsync(_queue, [.. tenants.Select(tenant => JsonSerializer.Serialize(new ProvisioningRequested(tenant), EventsJson.Default.ProvisioningRequested))], timeout.Token);
            return true;
        }
        catch (Exception e) when (e is MessagesNotSentException or OperationCanceledException)
        {
            _log.LogWarning("Could not publish to the provisioning queue; the scheduled run will pick the work up: {Reason}", e.Message);
            return false;
        }
    }
}
