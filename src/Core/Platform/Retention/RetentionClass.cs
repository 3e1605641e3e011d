namespace ControlPlane.Platform.Retention;

/// <summary>A class of data that is deleted some days after it was last needed. An operator sets the days in <c>CONTROLPLANE_RETENTION</c>.</summary>
/// <param name="Name">As in the setting.</param>
/// <param name="DefaultDays">Without a setting.</param>
/// <param name="MinimumDays">How long the platform itself needs it.</param>
/// <param name="Description">What is deleted, and from when its days count.</param>
public sealed record RetentionClass(string Name, int DefaultDays, int MinimumDays, string Description);

/// <summary>
/// Every class. Whatever is in none of them stays: invoices with their lines and PDFs, billing periods, daily sums of usage, the audit log. The database
/// role of the jobs has no right to delete those.
/// </summary>
public static class RetentionClasses
{
    public static readonly RetentionClass Signups = new("signups", 7, 3, "signups whose address was never verified, from their last email, at the latest from 30 days after the signup; the network of the others, from 90 days after the confirmation");

    public static readonly RetentionClass Links = new("links", 30, 1, "links in emails, and invitations that were not accepted, from their expiry");

    public static readonly RetentionClass Sessions = new("sessions", 0, 0, "sessions of members and operators, from their expiry; counts of attempts");

    public static readonly RetentionClass Keys = new("keys", 90, 1, "API keys and webhook secrets, from their revocation or expiry");

    public static readonly RetentionClass Mail = new("mail", 30, 3, "emails with their attachments, sent or undeliverable, from their creation");

    public static readonly RetentionClass Webhooks = new("webhooks", 30, 1, "webhook deliveries, from their creation");

    public static readonly RetentionClass Provisioning = new("provisioning", 180, 7, "provisioning runs with their steps, from their end; the newest of each tenant stays");

    // Long enough for its stages: three days until it is stopped, and seven of notice.
    public static readonly RetentionClass Trials = new("trials", 30, 10, "environments of trials with all of their data, from the trial's end, seven days after an email; the tenant with them");

    public static readonly RetentionClass Jobs = new("jobs", 90, 7, "records of job runs, from their start; the newest of each job stays");

    public static readonly RetentionClass Authorizations = new("authorizations", 2, 1, "answers to authorizations, reservations that have ended, and counts of the usage received on a day");

    // Billing and the nightly job look up which old days were replayed lately.
    public static readonly RetentionClass Quarantine = new("quarantine", 180, 120, "usage events that were replayed or discarded; held ones stay until an operator decides");

    // A late event is billed by comparison with all events of its period.
    public static readonly RetentionClass Usage = new("usage", 400, 180, "months of single usage events, from the month's end; detached once all of their invoices exist. Daily sums stay");

    public static readonly RetentionClass Events = new("events", 90, 35, "notifications of payment providers, from when they were received; those that were not applied yet stay");

    public static readonly RetentionClass Tenants = new("tenants", 90, 1, "personal data of deleted tenants, from the deletion: members, keys, emails, address, users' limits and ids; once the last invoice is written, none is open and no usage is held. The last copy of the environment, whatever is open");

    public static IReadOnlyList<RetentionClass> All { get; } =
        [Signups, Links, Sessions, Keys, Mail, Webhooks, Provisioning, Trials, Jobs, Authorizations, Quarantine, Usage, Events, Tenants];
}
