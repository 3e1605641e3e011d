using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Payments;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>
/// Writes the invoice of a period within the transaction that closes it: three round trips. The document and the mail follow (<see cref="WriteDocuments"/>),
/// so that rendering holds no lock.
/// </summary>
public sealed class WriteInvoice(Clock clock, Seller seller, CollectionSettings collections)
{
    /// <summary>Call it under <see cref="BillingLock.Acquire"/> and <see cref="SubscriptionLock.Acquire"/>.</summary>
    /// <param name="segments">Of the subscription, by their start; none: the plan has been the same since the anchor.</param>
    /// <param name="isLast">Whether no invoice follows. That of a deleted tenant's last period is the last by itself.</param>
    /// <returns>null when the period has nothing to invoice: a trial, or a pause without late usage. Paid at once when there is nothing to collect.</returns>
    public async Task<Invoice?> RunAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, DateTimeOffset now,
        CancellationToken ct, bool isLast = false)
    {
        var facts = await transaction.InvoiceFactsAsync(seller, subscription, segments, period, now, ct);
        if (!facts.HasCharges)
        {
            return null;
        }

        return await StoreAsync(
            transaction, InvoiceDraft.Of(facts with { IsLast = facts.IsLast || isLast }),
            CollectionTerms.Of(facts.Agreed.Collection, facts.Agreed.PaymentDays, collections, period, now), ct);
    }

    /// <summary>Writes an interim invoice of a running period's overage so far, which is charged at once. Call it under the same locks.</summary>
    /// <returns>null: what is not billed yet does not exceed what was agreed or configured.</returns>
    public async Task<Invoice?> InterimAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var facts = await transaction.InvoiceFactsAsync(seller, subscription, segments, period, now, ct);
        var draft = InvoiceDraft.OfOverage(facts);
        return draft.Invoice.NetAmount > (facts.Agreed.ExposureEur ?? collections.ExposureEur)
            ? await StoreAsync(transaction, draft, CollectionTerms.AtOnce(facts.Agreed.Collection, facts.Agreed.PaymentDays, collections, now), ct)
            : null;
    }

    /// <summary>Writes the invoice of credit that a customer buys, which is charged at once.</summary>
    /// <param name="amount">EUR before tax.</param>
    public async Task<Invoice> TopUpAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, decimal amount, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var facts = await transaction.InvoiceFactsAsync(seller, subscription, segments, period, now, ct);
        return await StoreAsync(
            transaction, InvoiceDraft.OfTopUp(facts, amount), CollectionTerms.AtOnce(facts.Agreed.Collection, facts.Agreed.PaymentDays, collections, now), ct);
    }

    async Task<Invoice> StoreAsync(Transaction transaction, InvoiceDraft draft, CollectionTerms terms, CancellationToken ct)
    {
        // A document must be possible: it names the country.
        _ = Countries.NameOf(draft.Invoice.Buyer.Country);
        var invoice = draft.Invoice with { Id = Ids.New(clock), DueAt = terms.DueAt };
        await transaction.SendAsync(Statements(draft with { Invoice = invoice }, terms), ct, async reader =>
        {
            await reader.ReadAsync(ct);
            invoice = invoice with { Number = reader.GetString(0) };
        });
        return invoice;
    }

    /// <summary>The invoice as it would be now, without a number. Also in a tenant's own transaction, and for segments that are only proposed.</summary>
    /// <returns>null: there would be nothing to invoice.</returns>
    public async Task<Invoice?> DraftAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, CancellationToken ct)
    {
        var facts = await transaction.InvoiceFactsAsync(seller, subscription, segments, period, clock.GetUtcNow(), ct);
        return facts.HasCharges ? InvoiceDraft.Of(facts).Invoice : null;
    }

    IEnumerable<Statement> Statements(InvoiceDraft draft, CollectionTerms terms)
    {
        var (invoice, toCollect) = (draft.Invoice, draft.ToCollect);
        yield return InvoiceRows.Insert(invoice, seller.NumberPrefix);
        yield return InvoiceRows.InsertLines(invoice);
        if (invoice.Taxes.Count > 0)
        {
            yield return InvoiceRows.InsertTaxes(invoice);
        }

        yield return new Statement("insert into control.invoice_undocumented (invoice_id, tenant_id) values ($1, $2)", invoice.Id, invoice.Tenant);
        foreach (var (kind, amount, entry) in new[]
        {
            ("balance", toCollect.BalanceUsed, "used"), ("carried", toCollect.Carried, "carried"), ("write_off", toCollect.WrittenOff, null),
        }.Where(settled => settled.Item2 != 0))
        {
            yield return new Statement(InsertSettlement, Ids.New(clock), invoice.Id, invoice.Tenant, kind, amount, invoice.CreatedAt);
            if (entry is not null)
            {
                yield return new Statement(InsertBalance, Ids.New(clock), invoice.Tenant, -amount, entry, invoice.Id, invoice.CreatedAt);
            }
        }

        foreach (var (adjustment, used) in draft.Used)
        {
            yield return new Statement("update control.adjustment set remaining = remaining - $2, invoice_id = $3 where id = $1", adjustment, used, invoice.Id);
        }

        if (draft.Coupons.Count > 0)
        {
            yield return new Statement(UseCoupons, invoice.Tenant, draft.Coupons.ToArray());
        }

        if (toCollect.ToPay > 0)
        {
            yield return new Statement(
                InsertPayment, invoice.Id, invoice.Tenant, toCollect.ToPay, terms.IsTransfer ? "transfer" : "charge", terms.Provider, terms.DueAt, invoice.CreatedAt,
                // Credit is charged by who buys it, and not by the job.
                terms.IsTransfer || invoice.Kind == "top_up" ? null : terms.DueAt);
        }
    }

    const string InsertSettlement = """
        insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor) values ($1, $2, $3, $4, $5, 'invoice', $6, $6, 'job:billing')
        """;

    const string InsertBalance = """
        insert into control.balance_entry (id, tenant_id, amount, kind, invoice_id, source, actor, created_at) values ($1, $2, $3, $4, $5::uuid, $5::uuid::text, 'job:billing', $6)
        """;

    const string UseCoupons = """
        update control.coupon_redemption set periods_left = periods_left - 1 where tenant_id = $1 and code = any($2) and periods_left is not null
        """;

    const string InsertPayment = """
        insert into control.payment (invoice_id, tenant_id, amount, state, collection, provider, due_at, changed_at, next_attempt_at) values ($1, $2, $3, 'due', $4, $5, $6, $7, $8)
        """;
}
