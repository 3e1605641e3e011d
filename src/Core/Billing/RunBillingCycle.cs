using System.Globalization;
using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Invoices;
using ControlPlane.Metering.Ingestion;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing;

/// <summary>
/// The job <c>billing</c>: applies what the billing cycle has due, of any number of subscriptions, in the order in which it was due. A tenant that is several
/// periods behind catches up, with one invoice for each. Any number of processes may run it at the same time.
/// </summary>
public sealed class RunBillingCycle(
    ControlDatabase database, Clock clock, AdvanceSubscription advance, InvoiceExposure exposure, CancelTopUps topUps, WriteDocuments writeDocuments,
    ProposeAvailabilityCredits proposeCredits, ILogger<RunBillingCycle> log)
{
    const int MaxAlerts = 20;
    const int SubscriptionsPerPage = 200;

    /// <summary>Half of the time that Azure Functions gives a job; Lambda gives more.</summary>
    static readonly TimeSpan TimePerRun = TimeSpan.FromMinutes(5);

    /// <summary>On top.</summary>
    static readonly TimeSpan TimeForDocuments = TimeSpan.FromMinutes(3);

    /// <param name="time">How long the run may take; null: 5 minutes. What it leaves, the next one does.</param>
    public async Task<JobReport> RunAsync(CancellationToken ct, TimeSpan? time = null)
    {
        var parts = new JobParts(JobSchedules.Billing, log);
        var done = new Done();
        var until = clock.Wall + (time ?? TimePerRun);
        var isUnfinished = await AdvanceAllAsync(parts, done, until, ct) || await InvoiceExposedAsync(parts, done, until, ct);
        foreach (var unpaid in await topUps.DueAsync(clock.GetUtcNow(), ct))
        {
            await parts.TryAsync("cancel credit that was not paid", tenant: null, () => topUps.RunAsync(unpaid, ct), ct);
        }

        var undocumented = await writeDocuments.RunAsync(until + TimeForDocuments, ct);
        await parts.TryAsync("propose credits for environments that were down", tenant: null, () => proposeCredits.RunAsync(ct), ct);
        await parts.TryAsync("look for usage that no invoice can carry", tenant: null, () => CheckAsync(done, ct), ct);
        return JobReport.Of(("invoices", done.Invoices), ("stages", done.Stages), ("payments_due", done.HasPaymentsDue ? 1 : 0)) with
        {
            Alerts = done.Alerts,
            Failures = isUnfinished ? [.. parts.Failures, "There is more due in the billing cycle than one run does. The next run continues.", .. undocumented] : [.. parts.Failures, .. undocumented],
        };
    }

    /// <summary>Whether anything is due at this time, also a payment.</summary>
    public async Task<bool> HasWorkAsync(DateTimeOffset at, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<bool>(HasWork, ct, at) || await exposure.PageAsync(Guid.Empty, ct) is { Count: > 0 }
            || await topUps.DueAsync(at, ct) is { Count: > 0 };
    }

    /// <returns>Whether time was up before all were advanced.</returns>
    async Task<bool> AdvanceAllAsync(JobParts parts, Done done, DateTimeOffset until, CancellationToken ct)
    {
        var (dueAt, tenant) = ("-infinity", Guid.Empty);
        while (await PageAsync(dueAt, tenant, ct) is { Count: > 0 } page)
        {
            foreach (var next in page)
            {
                if (clock.Wall >= until)
                {
                    return true;
                }

                (dueAt, tenant) = next;
                await parts.TryAsync("do what is due in the billing cycle", tenant, async () => done.Add(await advance.RunAsync(tenant, ct)), ct);
            }
        }

        return false;
    }

    /// <returns>Whether time was up before all were invoiced.</returns>
    async Task<bool> InvoiceExposedAsync(JobParts parts, Done done, DateTimeOffset until, CancellationToken ct)
    {
        var last = Guid.Empty;
        while (await exposure.PageAsync(last, ct) is { Count: > 0 } page)
        {
            foreach (var tenant in page)
            {
                if (clock.Wall >= until)
                {
                    return true;
                }

                last = tenant;
                await parts.TryAsync("invoice overage of a running period", tenant, async () => done.Add(await exposure.RunAsync(tenant, ct)), ct);
            }
        }

        return false;
    }

    async Task<List<(string DueAt, Guid Tenant)>> PageAsync(string dueAt, Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => (row.GetString(0), row.GetGuid(1)), ct, clock.GetUtcNow(), dueAt, tenant, SubscriptionsPerPage);
    }

    async Task CheckAsync(Done done, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        // Repeated until an operator has dealt with it.
        done.Alerts.AddRange(await transaction.QueryAsync(
            HeldAfterTheEnd,
            row => string.Create(
                CultureInfo.InvariantCulture,
                $"Tenant {row.GetGuid(0)}: {row.GetInt64(1)} usage events that no invoice can carry, because the subscription has ended. They are in quarantine: charge them by hand, then discard them"),
            ct, Rejection.Codes.SubscriptionEnded, MaxAlerts));
        // They are the business of another job; that it counts lets the sandbox clock run that job.
        done.HasPaymentsDue = await transaction.ScalarAsync<bool>("select exists (select from control.payment where next_attempt_at <= $1)", ct, clock.GetUtcNow());
    }

    sealed class Done
    {
        public int Invoices { get; private set; }
        /// <summary>Transitions that wrote no invoice.</summary>
        public int Stages { get; private set; }
        public List<string> Alerts { get; } = [];
        public bool HasPaymentsDue { get; set; }

        public void Add(Invoice? interim) => Invoices += interim is null ? 0 : 1;

        public void Add(Advance advance)
        {
            Invoices += advance.Invoices.Count;
            Stages += advance.Transitions - advance.Invoices.Count;
            Alerts.AddRange(advance.Invoices.Where(invoice => invoice is { Plan: "enterprise", BaseCharge: 0 })
                .Select(invoice => $"Invoice {invoice.Number} has no base charge: no price was agreed with tenant {invoice.Tenant}"));
        }
    }

    const string HasWork = """
        select exists (select from control.subscription where billing_due_at <= $1 and billing_due_at < 'infinity')
            or exists (select from control.payment where next_attempt_at <= $1)
        """;

    // The text keeps -infinity, which no .NET type has. Ordered by the column, not by that text, which has its name and no index.
    const string Due = """
        select s.billing_due_at::text, s.tenant_id from control.subscription s
        where s.billing_due_at <= $1 and s.billing_due_at < 'infinity' and (s.billing_due_at, s.tenant_id) > ($2::timestamptz, $3)
        order by s.billing_due_at, s.tenant_id limit $4
        """;

    const string HeldAfterTheEnd = """
        select tenant_id, count(*) from control.quarantine where state = 'held' and code = $1 group by tenant_id order by count(*) desc, tenant_id limit $2
        """;
}
