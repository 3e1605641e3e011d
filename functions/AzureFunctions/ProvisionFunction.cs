using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// Brings environments to their desired state as soon as there is work. Each call processes all work that is due and not leased by another. After a
/// timeout the message is delivered again, and the next call continues.
/// </summary>
public sealed class ProvisionFunction(CurrentApplication application)
{
    [Function("provision_queued")]
    public Task ProvisionAsync([QueueTrigger(ProvisioningQueue.Name)] ProvisioningRequested message, CancellationToken ct) => application.ProvisionAsync(message.TenantId, ct);
}
