using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Invoices;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Cycle;

/// <summary>What was applied to a subscription.</summary>
public sealed record Advance(int Transitions, IReadOnlyList<Invoice> Invoices);

/// <summary>
/// Applies what the billing cycle has due for one subscription: each transition in a transaction of its own, under the subscription's row lock and from facts
/// that are read under it. So of any number of processes one applies it, and a process that is killed leaves a transition done or not begun.
/// </summary>
public sealed class AdvanceSubscription(ControlDatabase database, Clock clock, ClosePeriod closePeriod, MovePeriod movePeriod, EndSubscription endSubscription)
{
    /// <summary>Ingestion holds the billing lock for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    static readonly CyclePolicy Policy = new();

    /// <summary>Applies all that is due, in the order of the instants at which it was due.</summary>
    /// <exception cref="PostgresException">Also <c>lock_not_available</c>: the tenant's lock was not free in time. The next run tries again.</exception>
    public async Task<Advance> RunAsync(Guid tenant, CancellationToken ct)
    {
        var invoices = new List<Invoice>();
        var done = new List<Transition>();
        while (await StepAsync(tenant, done, invoices, ct))
        {
        }

        return new Advance(done.Count, invoices);
    }

    /// <summary>
    /// Moves the stages of the tenant's periods by a fact that the caller has just recorded in this transaction, under <see cref="SubscriptionLock.Acquire"/>:
    /// who pays has access in the commit that books it. So do the stages of what is unpaid that are due: the next debit, which stops the clock, must not come before them. Everything
    /// else that is due by time is left to the job.
    /// </summary>
    public async Task RunAsync(Transaction transaction, Guid tenant, CancellationToken ct)
    {
        if (await transaction.SetStatusBesidePeriodsAsync(tenant, ct))
        {
            await transaction.GrantCreditAsync(tenant, clock.GetUtcNow(), ct);
        }

        if (await transaction.CycleAsync(tenant, [], Policy, ct) is not { } cycle)
        {
            return;
        }

        var before = cycle.Subscription.Access;
        while ((BillingCycle.NextFact(cycle.Facts) ?? BillingCycle.NextUnpaid(cycle.Facts, clock.GetUtcNow())) is { } move)
        {
            await movePeriod.RunAsync(transaction, cycle, move, ct);
            cycle = (await transaction.CycleAsync(tenant, [], Policy, ct))!;
        }

        await StoreAsync(transaction, cycle, before, ct);
    }

    /// <returns>Whether more is due.</returns>
    async Task<bool> StepAsync(Guid tenant, List<Transition> done, List<Invoice> invoices, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.CycleAsync(tenant, [BillingLock.Acquire, LockEnvironment, SubscriptionLock.Acquire], Policy, ct) is not { } cycle)
        {
            return false;
        }

        var before = cycle.Subscription.Access;
        var next = BillingCycle.Next(cycle.Facts, clock.GetUtcNow());
        if (next is not null)
        {
            await ApplyAsync(transaction, cycle, next, invoices, ct);
            cycle = (await transaction.CycleAsync(tenant, [], Policy, ct))!;
        }

        await StoreAsync(transaction, cycle, before, ct);
        await transaction.CommitAsync(ct);
        done.AddRange(next is null ? Array.Empty<Transition>() : [next]);
        return next is not null && BillingCycle.Next(cycle.Facts, clock.GetUtcNow()) is not null;
    }

    async Task ApplyAsync(Transaction transaction, LoadedCycle cycle, Transition next, List<Invoice> invoices, CancellationToken ct)
    {
        switch (next)
        {
            case Transition.Preview preview:
                await movePeriod.PreviewAsync(transaction, cycle, preview, ct);
                break;
            case Transition.ClosePeriod:
                invoices.AddRange(await closePeriod.RunAsync(transaction, cycle, ct) is { } invoice ? [invoice] : Array.Empty<Invoice>());
                break;
            case Transition.Move move:
                await movePeriod.RunAsync(transaction, cycle, move, ct);
                break;
            case Transition.TellClosing told:
                await endSubscription.TellAsync(transaction, cycle, told, ct);
                break;
            case Transition.CloseSubscription close:
                await endSubscription.CloseAsync(transaction, cycle, close, ct);
                break;
            case Transition.Delete delete:
                await endSubscription.DeleteAsync(transaction, cycle, delete, ct);
                break;
        }
    }

    static async Task StoreAsync(Transaction transaction, LoadedCycle cycle, Access before, CancellationToken ct)
    {
        var access = BillingCycle.AccessOf(cycle.Facts.Periods, cycle.Subscription);
        await transaction.SetBillingAsync(cycle.Subscription.Tenant, access, cycle.IsOverageStopped, BillingCycle.NextDueAt(cycle.Facts), ct);
        // Environments are stopped and started by the job.
        await (access != before ? transaction.AnnounceJobAsync(JobSchedules.Provision, cycle.Subscription.Tenant, ct) : Task.CompletedTask);
    }

    // Before the subscription's row, as wherever both are locked, and only where the environment may have to be changed.
    const string LockEnvironment = """
        select 1 from control.environment e
        where e.tenant_id = $1
          and (exists (select from control.billing_period p where p.tenant_id = $1 and p.stage = 'suspended')
               or exists (select from control.subscription_change c where c.tenant_id = $1 and c.state = 'scheduled')
               or exists (select from control.subscription s where s.tenant_id = $1 and s.status = 'ended'))
        for update
        """;
}
