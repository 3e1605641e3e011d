using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// One timer per job, with the schedule of <see cref="JobSchedules"/>. The attribute takes only constants, in a format with seconds first; a test
/// compares the two. Jobs that run every minute are not retried: their next run does the same.
/// </summary>
public sealed class JobFunctions(CurrentApplication application)
{
    [Function("provision")]
    public Task ProvisionAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("provision", ct);

    [Function("alerts")]
    public Task AlertsAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("alerts", ct);

    [Function("mail")]
    public Task MailAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("mail", ct);

    [Function("webhooks")]
    public Task WebhooksAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("webhooks", ct);

    [Function("payments")]
    public Task PaymentsAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("payments", ct);

    [Function("billing")]
    [FixedDelayRetry(3, "00:05:00")]
    public Task BillingAsync([TimerTrigger("0 0 * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("billing", ct);

    [Function("nightly")]
    [FixedDelayRetry(3, "00:05:00")]
    public Task NightlyAsync([TimerTrigger("0 10 0 * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("nightly", ct);

    [Function("quarantine")]
    public Task QuarantineAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("quarantine", ct);

    [Function("storage")]
    [FixedDelayRetry(3, "00:05:00")]
    public Task StorageAsync([TimerTrigger("0 */5 * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("storage", ct);

    [Function("health")]
    [FixedDelayRetry(3, "00:05:00")]
    public Task HealthAsync([TimerTrigger("0 */5 * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("health", ct);

    [Function("retention")]
    [FixedDelayRetry(3, "00:05:00")]
    public Task RetentionAsync([TimerTrigger("0 30 3 * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("retention", ct);
}
