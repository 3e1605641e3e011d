using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Payments;

/// <summary>Where the collection of one invoice stands, locked until the end of the transaction.</summary>
/// <param name="Kind">Of the invoice: period, interim or top_up.</param>
/// <param name="Open">EUR of the invoice that is still to be settled; negative: too much was.</param>
sealed record PaymentRow(
    Guid Invoice, Guid Tenant, string Number, string State, string? Provider, string? PaymentId, DateTimeOffset DueAt, DateTimeOffset? NextAttemptAt, int Attempts,
    int Bounces, string? LastCharge, decimal Open, string Kind)
{
    /// <summary>Whether nothing that a provider says of an attempt changes it any more.</summary>
    public bool IsOver => State is "succeeded" or "reversed" or "cancelled";
}

/// <summary>The statements on <c>control.payment</c> and <c>control.settlement</c> that several use cases share.</summary>
static class PaymentRows
{
    /// <summary>SQL: what is to be settled of invoice <c>i</c>.</summary>
    public const string Open = "(i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0))";

    /// <summary>Locks the subscription, then the payment.</summary>
    /// <returns>null: the invoice has nothing to collect.</returns>
    public static async Task<PaymentRow?> LockPaymentAsync(this Transaction transaction, Guid invoice, CancellationToken ct)
    {
        var tenant = await transaction.ScalarAsync<Guid?>("select tenant_id from control.payment where invoice_id = $1", ct, invoice);
        if (tenant is null)
        {
            return null;
        }

        await transaction.ExecuteAsync(SubscriptionLock.Acquire, ct, tenant);
        return await transaction.FirstAsync(
            Lock,
            row => new PaymentRow(
                row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.Get<string>(4), row.Get<string>(5), row.GetFieldValue<DateTimeOffset>(6),
                row.Get<DateTimeOffset?>(7), row.GetInt32(8), row.GetInt32(9), row.Get<string>(10), row.GetDecimal(11), row.GetString(12)),
            ct, invoice);
    }

    public static Task<decimal> OpenAmountAsync(this Transaction transaction, Guid invoice, CancellationToken ct) =>
        transaction.ScalarAsync<decimal>($"select {Open} from control.invoice i where i.id = $1", ct, invoice);

    /// <summary>Books what settles an invoice, or reopens it.</summary>
    /// <param name="source">Charge, dispute, refund or bank transaction: booked once for each kind.</param>
    /// <returns>False: it was booked before.</returns>
    public static async Task<bool> BookAsync(
        this Transaction transaction, Clock clock, PaymentRow payment, string kind, decimal amount, string source, DateTimeOffset at, string actor, CancellationToken ct) =>
        await transaction.ExecuteAsync(Book, ct, Ids.New(clock), payment.Invoice, payment.Tenant, kind, amount, source, at, clock.GetUtcNow(), actor) > 0;

    const string Lock = $"""
        select p.invoice_id, p.tenant_id, i.number, p.state, p.provider, p.provider_payment_id, p.due_at, p.next_attempt_at, p.attempts, p.bounces, p.last_charge_id, {Open}, i.kind
        from control.payment p join control.invoice i on i.id = p.invoice_id where p.invoice_id = $1 for update of p
        """;

    const string Book = """
        insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (invoice_id, kind, source) do nothing
        """;
}
