using ControlPlane.Billing.Cycle;

namespace ControlPlane.Billing.Payments;

public abstract record PayResult
{
    public sealed record Paid : PayResult;
    /// <summary>A debit is under way, or the job is collecting it at this moment.</summary>
    public sealed record Pending : PayResult;
    /// <summary>The customer has to confirm on the bank's page.</summary>
    public sealed record ActionRequired(Uri Page) : PayResult;
    /// <param name="Code">QR code for the customer's banking app; null without an IBAN.</param>
    public sealed record Transfer(string? Iban, string? Bic, string AccountHolder, string Reference, decimal Amount, DateTimeOffset DueAt, string? Code) : PayResult;
    public sealed record Declined(Decline Reason) : PayResult;
    /// <summary>There is no method to pay with: the customer has to save one.</summary>
    public sealed record NeedsMethod : PayResult;
    /// <summary>Nothing is open.</summary>
    public sealed record AlreadyPaid : PayResult;
    public sealed record NotFound : PayResult;
    public sealed record Unavailable : PayResult;
}

/// <summary>A customer pays an invoice now. The same payment as the job's, so two clicks, or a click and the job, never charge twice.</summary>
public sealed class PayInvoice(
    ControlDatabase database, PaymentProviders providers, PaymentClaims claims, CollectPayment collect, RecordPayment record, AdvanceSubscription advance, Clock clock, TransferAccount account)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <param name="number">Of one of the tenant's invoices.</param>
    public async Task<PayResult> RunAsync(Guid tenant, string number, string actor, CancellationToken ct)
    {
        return await FindAsync(tenant, number, ct) is { } invoice ? await RunAsync(invoice, actor, ct) : new PayResult.NotFound();
    }

    /// <summary>For whoever has a link to the invoice.</summary>
    /// <param name="back">Where the bank's page returns to; null: the invoice in the portal.</param>
    public async Task<PayResult> RunAsync(Guid invoice, string actor, CancellationToken ct, Uri? back = null)
    {
        if (await ReadAsync(invoice, ct) is not { } payment)
        {
            return new PayResult.AlreadyPaid();
        }

        if (payment.State == "pending")
        {
            return new PayResult.Pending();
        }

        if (providers.Current is null || (payment.Collection == "transfer" && !payment.HasMethod))
        {
            return account.For(payment.Number, payment.Open, payment.DueAt);
        }

        if (!payment.HasMethod || payment.IsRefused)
        {
            return new PayResult.NeedsMethod();
        }

        using var place = await database.EnterJobAsync(payment.Tenant, ct);
        // What is due first: a debit under way stops the clock, and must not stop what it should have done already.
        await advance.RunAsync(payment.Tenant, ct);
        if (await claims.OfAsync(invoice, cause: "customer", ct) is not { } claim)
        {
            return new PayResult.Pending();
        }

        await AuditAsync(payment.Tenant, payment.Number, actor, ct);
        return await collect.RunAsync(claim, ct, back) switch
        {
            CollectResult.Answered { Now: ProviderPayment.Succeeded } => new PayResult.Paid(),
            CollectResult.Answered { Now: ProviderPayment.RequiresAction { Page: { } page } } => new PayResult.ActionRequired(page),
            CollectResult.Answered => new PayResult.Pending(),
            CollectResult.Declined declined => new PayResult.Declined(declined.Reason),
            CollectResult.NothingToCollect => new PayResult.AlreadyPaid(),
            _ => new PayResult.Unavailable(),
        };
    }

    /// <summary>The customer is back from the bank's page: what has come of it.</summary>
    public async Task FinishAsync(Guid invoice, CancellationToken ct)
    {
        var (name, id) = await AtBankAsync(invoice, ct);
        if (id is null || providers.Find(name) is not { } provider)
        {
            return;
        }

        try
        {
            var now = await provider.FindAsync(id, ct);
            await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
            await record.ApplyAsync(transaction, now, "customer", ct);
            await transaction.CommitAsync(ct);
        }
        catch (ProviderUnavailableException)
        {
            // The webhook or the job tells later.
        }
    }

    async Task<Guid?> FindAsync(Guid tenant, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.ScalarAsync<Guid?>("select id from control.invoice where tenant_id = $1 and number = $2", ct, tenant, number);
    }

    async Task<(string? Provider, string? PaymentId)> AtBankAsync(Guid invoice, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync(
            "select provider, provider_payment_id from control.payment where invoice_id = $1 and state = 'requires_action'", row => (row.Get<string>(0), row.Get<string>(1)), ct, invoice);
    }

    async Task<OpenPayment?> ReadAsync(Guid invoice, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync(
            Read,
            row => new OpenPayment(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4), row.GetDecimal(5), row.GetBoolean(6), row.GetBoolean(7)),
            ct, invoice, providers.Current?.Name, SandboxPayments.ProviderName);
    }

    async Task AuditAsync(Guid tenant, string number, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.AuditAsync(clock, tenant, actor, "invoice.payment_requested", new { invoice = number }, ct);
        await transaction.CommitAsync(ct);
    }

    /// <param name="IsRefused">The bank has refused this method for good: card networks fine whoever tries it again.</param>
    sealed record OpenPayment(Guid Tenant, string Number, string State, string Collection, DateTimeOffset DueAt, decimal Open, bool HasMethod, bool IsRefused);

    const string Read = $"""
        select p.tenant_id, i.number, p.state, p.collection, p.due_at, {PaymentRows.Open},
               coalesce(p.provider, $2) = $3 or (b.method_id is not null and b.provider = coalesce(p.provider, $2)),
               p.state = 'failed' and p.decline_kind = 'hard' and coalesce(p.provider, $2) <> $3
               and b.method_id is not distinct from (select a.method_id from control.payment_attempt a where a.invoice_id = p.invoice_id and a.outcome = 'declined' order by a.ordinal desc limit 1)
        from control.payment p join control.invoice i on i.id = p.invoice_id left join control.billing_profile b on b.tenant_id = p.tenant_id
        where p.invoice_id = $1 and p.state not in ('succeeded', 'cancelled') and {PaymentRows.Open} > 0
        """;
}
