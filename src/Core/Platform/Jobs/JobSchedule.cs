namespace ControlPlane.Platform.Jobs;

/// <param name="Name">As in <c>./run job NAME</c> and <c>POST /v1/admin/jobs/{job}/run</c>.</param>
/// <param name="Cron">Five fields, UTC.</param>
/// <param name="Description">One sentence for the operator.</param>
/// <param name="DrainsQueue">Its work is queued in rows and announced with <c>pg_notify('control_job', name)</c>: a host that can LISTEN runs it at once, in
/// addition to the schedule.</param>
public sealed record JobSchedule(string Name, string Cron, string Description, bool DrainsQueue);

/// <summary>Every job of the platform and when it runs. Local scheduler, cloud schedulers and infrastructure all read this list.</summary>
public static class JobSchedules
{
    public static readonly JobSchedule Provision = new(
        "provision", "* * * * *", "Brings environments to their desired state, step by step, ends trials, and stops what is not paid for.", DrainsQueue: true);

    public static readonly JobSchedule Billing = new(
        "billing", "0 * * * *", "Does what is due in the billing cycle: previews, invoices, plan changes, the stages of what is unpaid.", DrainsQueue: false);

    public static readonly JobSchedule Payments = new(
        "payments", "* * * * *", "Collects the payments that are due, applies what payment providers have notified, and pays refunds out.", DrainsQueue: true);

    public static readonly JobSchedule Nightly = new(
        "nightly", "10 0 * * *", "Rebuilds daily usage for the days that changed, reconciles it with the live counters, creates partitions ahead, expires reservations, checks the stored secrets and encrypts them again after the secrets key changed.", DrainsQueue: false);

    public static readonly JobSchedule Alerts = new(
        "alerts", "* * * * *", "Announces limits that usage has reached, by email and webhook.", DrainsQueue: true);

    public static readonly JobSchedule Mail = new(
        "mail", "* * * * *", "Sends the email that is due.", DrainsQueue: true);

    public static readonly JobSchedule Webhooks = new(
        "webhooks", "* * * * *", "Sends the webhooks that are due.", DrainsQueue: true);

    public static readonly JobSchedule Quarantine = new(
        "quarantine", "* * * * *", "Replays and discards the held usage events that operators have selected.", DrainsQueue: true);

    public static readonly JobSchedule Storage = new(
        "storage", "*/5 * * * *", "Measures what environments store and how much disk space is free; stops environments that store too much; limits and counts documents.", DrainsQueue: false);

    public static readonly JobSchedule Health = new(
        "health", "*/5 * * * *", "Checks whether the routes of models answer, without calls that cost something.", DrainsQueue: false);

    public static readonly JobSchedule Retention = new(
        "retention", "30 3 * * *", "Deletes what is older than its retention, and detaches old months of usage events.", DrainsQueue: false);

    /// <summary>The former name of alerts, mail and webhooks together. It has no schedule, but still runs when it is requested: by clients of the HTTP interface and
    /// the command line, and by the former release's schedule during an upgrade.</summary>
    public static readonly JobSchedule FormerOutbox = new("outbox", "* * * * *", "Runs alerts, mail and webhooks.", DrainsQueue: true);

    public static IReadOnlyList<JobSchedule> All { get; } = [Provision, Billing, Payments, Nightly, Alerts, Mail, Webhooks, Quarantine, Storage, Health, Retention];
}
