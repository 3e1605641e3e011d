namespace ControlPlane.Reporting;

/// <summary>An attempt to collect an invoice.</summary>
/// <param name="Number">Of the invoice.</param>
/// <param name="Cause">schedule, retry, customer, new_method or operator.</param>
/// <param name="Outcome">null: not answered yet.</param>
public sealed record PaymentAttempt(string Number, string Cause, DateTimeOffset StartedAt, string? Outcome, string? DeclineCode, string? Message);

public static class PaymentAttempts
{
    /// <returns>Of the tenant, latest first.</returns>
    public static Task<List<PaymentAttempt>> PaymentAttemptsAsync(this Transaction transaction, Guid tenant, int limit, CancellationToken ct) => transaction.QueryAsync(
        Select,
        row => new PaymentAttempt(
            row.GetString(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.Get<string>(3), row.Get<string>(4), row.Get<string>(5)), ct, tenant, limit);

    const string Select = """
        select i.number, a.cause, a.started_at, a.outcome, a.decline_code, a.message
        from control.payment_attempt a join control.invoice i on i.id = a.invoice_id where a.tenant_id = $1 order by a.started_at desc, a.id desc limit $2
        """;
}
