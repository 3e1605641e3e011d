using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Lambda.Work;

/// <summary>News for the function <c>provision</c>: there is work.</summary>
/// <param name="TenantId">Whose environment; null: whatever is due.</param>
sealed record ProvisioningRequested([property: JsonPropertyName("tenant_id")] Guid? TenantId);

/// <summary>
/// Tells the function <c>provision</c> at once of what was committed in this process, as a local process would hear from the database. The database
/// has the work: a message too many finds nothing to do, and one that is lost costs the minute until the schedule looks.
/// </summary>
sealed class ProvisioningNotifier
{
    const string Queue = "CONTROLPLANE_PROVISION_QUEUE";

    /// <summary>Somebody waits for the answer that comes after it.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

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

    /// <summary>Sends news of what was committed since the last time.</summary>
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

    /// <summary>The job <c>provision</c>, where it does not run itself.</summary>
    public async Task<JobReport> ForwardToQueueAsync(CancellationToken ct) => JobReport.Of(("handed_on", await SendAsync([null]) ? 1 : 0));

    /// <returns>False when the queue did not take them. That is on record, and no failure: the work is safe.</returns>
    public async Task<bool> SendAsync(IReadOnlyCollection<Guid?> tenants)
    {
        if (string.IsNullOrEmpty(_queue))
        {
            return false;
        }

        using var patience = new CancellationTokenSource(Patience);
        try
        {
            // Only now: most invocations send nothing, and a client costs time to make.
            var sender = _services.GetRequiredService<QueueSender>();
            await sender.SendAsync(_queue, [.. tenants.Select(tenant => JsonSerializer.Serialize(new ProvisioningRequested(tenant), EventsJson.Default.ProvisioningRequested))], patience.Token);
            return true;
        }
        catch (Exception e) when (e is MessagesNotSentException or OperationCanceledException)
        {
            _log.LogWarning("Provisioning starts with its schedule, because the queue did not take the news: {Why}", e.Message);
            return false;
        }
    }
}
