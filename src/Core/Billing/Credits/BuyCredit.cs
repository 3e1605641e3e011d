using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Taxes;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Credits;

public abstract record BuyCreditResult
{
    /// <summary>The credit is there once the invoice is paid.</summary>
    public sealed record Bought(string Invoice, PayResult Payment) : BuyCreditResult;
    public sealed record Invalid(FieldErrors Errors) : BuyCreditResult;
    /// <summary>An invoice needs these fields of the organization.</summary>
    public sealed record AddressMissing(FieldErrors Errors) : BuyCreditResult;
    /// <summary>Another amount is not paid yet, or its payment came back.</summary>
    public sealed record UnpaidFirst(string Invoice) : BuyCreditResult;
    /// <summary>The subscription has not started, or has ended.</summary>
    public sealed record NotPossible : BuyCreditResult;
}

/// <summary>
/// Sells credit that later invoices use up: its invoice is taxed and charged at once. Whoever asks for the same amount again while it is unpaid pays that invoice, so a
/// repeated click buys nothing twice.
/// </summary>
public sealed class BuyCredit(ControlDatabase database, Clock clock, WriteInvoice writeInvoice, WriteDocuments writeDocuments, PayInvoice pay)
{
    /// <summary>EUR before tax.</summary>
    public const decimal Least = 10m, Most = 10_000m;

    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <param name="eur">Before tax.</param>
    public async Task<BuyCreditResult> RunAsync(Guid tenant, decimal? eur, string actor, CancellationToken ct)
    {
        if (eur is not { } amount || amount is < Least or > Most || Money.ToCents(amount) != amount)
        {
            return new BuyCreditResult.Invalid(new FieldErrors { ["eur"] = FormattableString.Invariant($"Enter an amount from {Least:0} to {Most:0} EUR, before tax, with at most 2 decimals.") });
        }

        var (refused, id, number) = await InvoiceAsync(tenant, amount, actor, ct);
        if (refused is not null)
        {
            return refused;
        }

        await writeDocuments.RunAsync(id, ct);
        return new BuyCreditResult.Bought(number, await pay.RunAsync(id, actor, ct));
    }

    async Task<(BuyCreditResult? Refused, Guid Id, string Number)> InvoiceAsync(Guid tenant, decimal amount, string actor, CancellationToken ct)
    {
        using var place = await database.EnterJobAsync(tenant, ct);
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.CycleAsync(tenant, [BillingLock.Acquire, SubscriptionLock.Acquire], new CyclePolicy(), ct) is not { Subscription: { Status: "active", TenantDeletedAt: null } subscription } cycle)
        {
            return (new BuyCreditResult.NotPossible(), default, "");
        }

        if ((await transaction.OrganizationAsync(tenant, ct))?.MissingForInvoice() is { Count: > 0 } missing)
        {
            return (new BuyCreditResult.AddressMissing(missing), default, "");
        }

        var (id, number, unpaid) = await transaction.FirstAsync(Unpaid, row => (row.GetGuid(0), row.GetString(1), row.GetDecimal(2)), ct, tenant);
        if (number is not null && unpaid != amount)
        {
            return (new BuyCreditResult.UnpaidFirst(number), default, "");
        }

        if (number is null)
        {
            var invoice = await writeInvoice.TopUpAsync(transaction, subscription, cycle.Segments, BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod), amount, ct);
            (id, number) = (invoice.Id, invoice.Number);
            await transaction.RequestVatConfirmationAsync(clock, tenant, ct);
            await transaction.AuditAsync(clock, tenant, actor, "credit.bought", new { invoice = number, eur = amount }, ct);
        }

        // Without the locks: what follows takes its own.
        await transaction.CommitAsync(ct);
        return (null, id, number);
    }

    // One at a time: each has a number for good, and a mail.
    const string Unpaid = "select id, number, net_amount from control.invoice where tenant_id = $1 and kind = 'top_up' and status in ('open', 'pending') order by number limit 1";
}
