using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Payments;

public static class PaymentTable
{
    /// <summary>What there is to collect for a new invoice.</summary>
    public static Task InsertPaymentAsync(this Transaction transaction, Invoice invoice, CollectionTerms collection, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Insert, ct, invoice.Id, invoice.Tenant, invoice.AmountDue, collection.IsTransfer ? "transfer" : "charge", collection.Provider, collection.DueAt, now,
            collection.IsTransfer ? null : collection.DueAt);

    const string Insert = """
        insert into control.payment (invoice_id, tenant_id, amount, state, collection, provider, due_at, changed_at, next_attempt_at)
        values ($1, $2, $3, 'due', $4, $5, $6, $7, $8)
        """;
}
