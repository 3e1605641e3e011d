using System.Text.Json;
using ControlPlane.Accounts.Members;
using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Pdf;
using ControlPlane.Notifications.Mail;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>Writes the invoice of a period, within the transaction that closes it: totals its events, numbers the invoice and queues the emails.</summary>
public sealed class WriteInvoice(Clock clock, Seller seller, CollectionSettings collections, ControlPlaneOptions options)
{
    /// <summary>Numbers and stores the invoice. Call it under <see cref="BillingLock.Acquire"/>.</summary>
    /// <param name="segments">Of the subscription, by their start; none: the plan has been the same since the anchor.</param>
    /// <returns>null: there is nothing to invoice.</returns>
    public async Task<Invoice?> RunAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, DateTimeOffset now,
        CancellationToken ct)
    {
        if (await DraftAsync(transaction, subscription, segments, period, ct) is not { } draft)
        {
            return null;
        }

        var collection = await transaction.FirstAsync(SelectCollection, row => CollectionTerms.Of(row.Get<string>(0), row.Get<int?>(1), collections, period, now), ct, subscription.Tenant);
        var number = await transaction.ScalarAsync<long>(NextNumber, ct);
        var invoice = draft with
        {
            Id = Ids.New(clock),
            Number = FormattableString.Invariant($"{seller.NumberPrefix}{number:000000}"),
            CreatedAt = now,
            DueAt = collection!.DueAt,
            Status = draft.AmountDue > 0 ? "open" : "paid",
            PaidAt = draft.AmountDue > 0 ? null : now,
        };
        var pdf = InvoicePdf.Render(InvoiceLayout.Of(invoice));
        await InsertAsync(transaction, invoice, pdf, ct);
        await (invoice.AmountDue > 0 ? transaction.InsertPaymentAsync(invoice, collection, now, ct) : Task.CompletedTask);
        await QueueEmailsAsync(transaction, invoice, pdf, ct);
        return invoice;
    }

    /// <summary>The invoice as it would be now, without a number. Also in a tenant's own transaction, and for segments that are only proposed.</summary>
    /// <returns>null: there would be nothing to invoice.</returns>
    public async Task<Invoice?> DraftAsync(
        Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, CancellationToken ct)
    {
        if (segments.Count > 0 && segments.In(period).All(segment => segment.Plan is null))
        {
            return null;
        }

        var usage = await PeriodUsage.ReadAsync(transaction, subscription, period, ct);
        var terms = await PeriodUsage.TermsAsync(transaction, subscription, period, ct);
        var buyer = await transaction.FirstAsync(
            "select organization, country, vat_id from control.tenant where id = $1",
            row => new Buyer(row.GetString(0), row.GetString(1), row.Get<string>(2)), ct, subscription.Tenant);
        return InvoiceDraft.Of(subscription, period, InvoiceCalculation.Lines(period, terms, usage.Tokens, usage.Late), seller, buyer!);
    }

    static async Task InsertAsync(Transaction transaction, Invoice invoice, byte[] pdf, CancellationToken ct)
    {
        await transaction.ExecuteAsync(
            InsertInvoice, ct, invoice.Id, invoice.Number, invoice.Tenant, invoice.Period, invoice.PeriodStart, invoice.PeriodEnd, invoice.Plan,
            invoice.Currency, invoice.BaseCharge, invoice.TokenUsage, invoice.OverageTokens, invoice.OverageCharge, invoice.NetAmount,
            invoice.TaxLabel, invoice.TaxRate, invoice.Tax, invoice.TotalAmount, JsonSerializer.Serialize(invoice.Seller),
            JsonSerializer.Serialize(invoice.Buyer), JsonSerializer.Serialize(invoice.Notes), invoice.Status, invoice.CreatedAt,
            invoice.PaidAt, invoice.DueAt, invoice.BalanceUsed);
        foreach (var (ordinal, line) in invoice.Lines.Index())
        {
            await transaction.ExecuteAsync(
                InsertLine, ct, invoice.Id, invoice.Tenant, ordinal, line.Kind.ToString().ToLowerInvariant(), line.Description, line.Tokens,
                line.Quantity, line.UnitPrice, line.Amount);
        }

        await transaction.ExecuteAsync(
            "insert into control.invoice_pdf (invoice_id, tenant_id, content) values ($1, $2, $3)", ct, invoice.Id, invoice.Tenant, pdf);
    }

    async Task QueueEmailsAsync(Transaction transaction, Invoice invoice, byte[] pdf, CancellationToken ct)
    {
        var recipients = await transaction.ConfirmedOwnersAndBillingAsync(invoice.Tenant, ct);
        var attachment = new MailAttachment($"{invoice.Number}.pdf", pdf);
        foreach (var recipient in recipients)
        {
            var body = FormattableString.Invariant($"""
                Hello {MailText.Name(invoice.Buyer.Organization)},

                Please find attached invoice {invoice.Number} for {invoice.PeriodStart:d MMMM yyyy} to {invoice.PeriodEnd.AddDays(-1):d MMMM yyyy}.

                Tokens used: {invoice.TokenUsage:N0}
                Total: {invoice.TotalAmount:N2} {invoice.Currency}

                View all your invoices: {options.PublicUrl}app/invoices

                {invoice.Seller.Name}
                """);
            await transaction.EnqueueAsync(
                clock, new MailMessage(invoice.Tenant, $"invoice:{invoice.Number}:{recipient}", recipient, $"Invoice {invoice.Number}", body, attachment), ct);
        }
    }

    // The row lock serializes concurrent invoices, and a rollback also undoes the increment, so the numbers have no gaps.
    const string NextNumber = """
        insert into control.invoice_sequence as s (seller, last_number) values ('default', 1)
        on conflict (seller) do update set last_number = s.last_number + 1 returning last_number
        """;

    const string SelectCollection = """
        select p.collection, p.payment_days from control.tenant t left join control.billing_profile p on p.tenant_id = t.id where t.id = $1
        """;

    const string InsertInvoice = """
        insert into control.invoice (id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens,
            overage_charge, net_amount, tax_label, tax_rate, tax, total_amount, seller, buyer, notes, status, created_at, paid_at, due_at, balance_used)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::jsonb, $19::jsonb, $20::jsonb, $21, $22, $23, $24, $25)
        """;

    const string InsertLine = """
        insert into control.invoice_line (invoice_id, tenant_id, ordinal, kind, description, tokens, quantity, unit_price, amount)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """;
}
