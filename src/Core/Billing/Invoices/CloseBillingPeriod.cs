using System.Text.Json;
using ControlPlane.Accounts.Members;
using ControlPlane.Billing.Pdf;
using ControlPlane.Notifications.Mail;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Invoices;

public abstract record CloseResult
{
    public sealed record Invoiced(Invoice Invoice) : CloseResult;
    /// <summary>A trial has nothing to invoice; the next period is open.</summary>
    public sealed record NothingToInvoice : CloseResult;
    /// <summary>Another process has closed it, or it has not ended.</summary>
    public sealed record NotDue : CloseResult;
}

/// <summary>
/// Closes the open period of one subscription: totals its events, creates and numbers the invoice, opens the next period and queues the
/// emails, all in one transaction under the tenant's billing lock. A crash at any point leaves all of it or nothing.
/// </summary>
public sealed class CloseBillingPeriod(ControlDatabase database, Clock clock, Seller seller, ControlPlaneOptions options)
{
    /// <summary>Ingestion holds the billing lock for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <exception cref="PostgresException">Also <c>lock_not_available</c>: the tenant's lock was not free in time. The next run tries again.</exception>
    public async Task<CloseResult> RunAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.ExecuteAsync(BillingLock.Acquire, ct, tenant);
        if (await transaction.SubscriptionAsync(tenant, ct) is not { Status: "active" } subscription)
        {
            return new CloseResult.NotDue();
        }

        var period = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod);
        var now = clock.GetUtcNow();
        if (now < period.EndsAt)
        {
            return new CloseResult.NotDue();
        }

        var invoice = subscription.TrialEndsAt is null ? await CreateInvoiceAsync(transaction, subscription, period, now, ct) : null;
        await transaction.ExecuteAsync(
            RecordPeriod, ct, tenant, period.Number, period.Start, period.End, invoice is null ? "closed" : "invoiced", now, invoice?.Id);
        await transaction.OpenNextPeriodAsync(tenant, period.Number, ct);
        if (period.End >= subscription.EndsOn)
        {
            await transaction.EndSubscriptionAsync(tenant, ct);
        }

        await transaction.AuditAsync(clock, tenant, "job:billing", "period.closed", new { period = period.Number, invoice = invoice?.Number }, ct);
        await transaction.CommitAsync(ct);
        return invoice is null ? new CloseResult.NothingToInvoice() : new CloseResult.Invoiced(invoice);
    }

    async Task<Invoice> CreateInvoiceAsync(Transaction transaction, Subscription subscription, BillingPeriod period, DateTimeOffset now, CancellationToken ct)
    {
        var usage = await PeriodUsage.ReadAsync(transaction, subscription, period, ct);
        var terms = await PeriodUsage.TermsAsync(transaction, subscription, period, ct);
        var buyer = await transaction.FirstAsync(
            "select organization, country, vat_id from control.tenant where id = $1",
            row => new Buyer(row.GetString(0), row.GetString(1), row.Get<string>(2)), ct, subscription.Tenant);
        var draft = InvoiceDraft.Of(subscription, period, InvoiceCalculation.Lines(period, terms, usage.Tokens, usage.Late), seller, buyer!);
        var number = await transaction.ScalarAsync<long>(NextNumber, ct);
        var invoice = draft with
        {
            Id = Ids.New(clock),
            Number = FormattableString.Invariant($"{seller.NumberPrefix}{number:000000}"),
            CreatedAt = now,
        };
        var pdf = InvoicePdf.Render(InvoiceLayout.Of(invoice));
        await InsertAsync(transaction, invoice, pdf, ct);
        await QueueEmailsAsync(transaction, invoice, pdf, ct);
        return invoice;
    }

    static async Task InsertAsync(Transaction transaction, Invoice invoice, byte[] pdf, CancellationToken ct)
    {
        await transaction.ExecuteAsync(
            InsertInvoice, ct, invoice.Id, invoice.Number, invoice.Tenant, invoice.Period, invoice.PeriodStart, invoice.PeriodEnd, invoice.Plan,
            invoice.Currency, invoice.BaseCharge, invoice.TokenUsage, invoice.OverageTokens, invoice.OverageCharge, invoice.NetAmount,
            invoice.TaxLabel, invoice.TaxRate, invoice.Tax, invoice.TotalAmount, JsonSerializer.Serialize(invoice.Seller),
            JsonSerializer.Serialize(invoice.Buyer), JsonSerializer.Serialize(invoice.Notes), invoice.Status, invoice.CreatedAt);
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

    const string InsertInvoice = """
        insert into control.invoice (id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens,
            overage_charge, net_amount, tax_label, tax_rate, tax, total_amount, seller, buyer, notes, status, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::jsonb, $19::jsonb, $20::jsonb, $21, $22)
        """;

    const string InsertLine = """
        insert into control.invoice_line (invoice_id, tenant_id, ordinal, kind, description, tokens, quantity, unit_price, amount)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """;

    const string RecordPeriod = """
        insert into control.billing_period (tenant_id, number, starts_on, ends_on, stage, stage_since, invoice_id) values ($1, $2, $3, $4, $5, $6, $7)
        """;
}
