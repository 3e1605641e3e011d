using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// One timer for each job, at the times of <see cref="JobSchedules"/>: seconds come first here, and the attribute takes constants
/// only. A test holds the two together.
/// </summary>
public sealed class JobFunctions(CurrentApplication application)
{
    [Function("provision")]
    public Task ProvisionAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("provision", ct);

    [Function("outbox")]
    public Task OutboxAsync([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("outbox", ct);

    [Function("billing")]
    public Task BillingAsync([TimerTrigger("0 0 */3 * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("billing", ct);

    [Function("nightly")]
    public Task NightlyAsync([TimerTrigger("0 10 0 * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("nightly", ct);

    [Function("retention")]
    public Task RetentionAsync([TimerTrigger("0 30 3 * * *")] TimerInfo timer, CancellationToken ct) => application.RunJobAsync("retention", ct);
}
