using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// Brings environments to their desired state as soon as there is work. One message is as good as many: whatever is due is taken up, and what
/// another run has taken is its own. When the time is up the message comes again, and the next run goes on where this one stopped.
/// </summary>
public sealed class ProvisionFunction(CurrentApplication application)
{
    [Function("provision_queued")]
    public Task ProvisionAsync([QueueTrigger(WorkQueue.Name)] ProvisioningRequested news, CancellationToken ct) => application.ProvisionAsync(news.TenantId, ct);
}
