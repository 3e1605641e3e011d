namespace ControlPlane.Web.Deliveries;

/// <summary>Retries or discards what the queues of mail, webhooks and alerts could not deliver.</summary>
sealed class DeliveryQueues(SendOutbox mail, SendWebhooks webhooks, AnnounceAlerts alerts)
{
    /// <returns>Items queued; null when there is no such queue.</returns>
    public async Task<int?> RetryDeadAsync(string queue, string actor, CancellationToken ct) =>
        queue == JobSchedules.Mail.Name ? await mail.RetryDeadAsync(actor, ct)
        : queue == JobSchedules.Webhooks.Name ? await webhooks.RetryDeadAsync(actor, ct)
        : queue == JobSchedules.Alerts.Name ? await alerts.RetryDeadAsync(actor, ct)
        : null;

    /// <returns>False when there is no such queue, or no dead item with this id in it.</returns>
    public async Task<bool> DiscardDeadAsync(string queue, Guid id, string actor, CancellationToken ct) =>
        queue == JobSchedules.Mail.Name ? await mail.DiscardDeadAsync(id, actor, ct)
        : queue == JobSchedules.Webhooks.Name ? await webhooks.DiscardDeadAsync(id, actor, ct)
        : queue == JobSchedules.Alerts.Name && await alerts.DiscardDeadAsync(id, actor, ct);
}
