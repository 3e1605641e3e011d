using System.Globalization;

namespace ControlPlane.Billing.Payments;

/// <summary>
/// The provider of a sandbox without another one: no real money moves. It answers as the tenant's profile says, with the codes of Stripe's test cards, and keeps no state of its own: what
/// it has answered is what was recorded.
/// </summary>
public sealed class SandboxPayments(ControlDatabase database, Clock clock, ControlPlaneOptions options) : IPaymentProvider
{
    public const string ProviderName = "sandbox";

    /// <summary>Id of the method that every tenant has.</summary>
    public const string Method = "sandbox";

    public const string MethodLabel = "Test card •••• 4242";

    public const string Succeed = "succeed";
    public const string Debit = "pending";
    public const string Declined = "decline";

    /// <summary>How long a debit takes, in business time.</summary>
    static readonly TimeSpan DebitDuration = TimeSpan.FromDays(5);

    static readonly SavedMethod TestCard = new(Method, MethodKind.Card, MethodLabel, ExpiresOn: null);

    /// <summary>What a tenant's payments can lead to.</summary>
    public static IReadOnlyList<string> Outcomes { get; } =
        [Succeed, Debit, Declined, "insufficient_funds", "authentication_required", "expired_card", "lost_card"];

    public string Name => ProviderName;

    public Task<string> EnsureCustomerAsync(ProviderCustomer customer, CancellationToken ct) => Task.FromResult(customer.Id ?? $"sandbox_{customer.Tenant:N}");

    public Task<Uri> BeginSetupAsync(string customer, SetupReturn back, CancellationToken ct) =>
        Task.FromResult(new Uri($"{back.Completed}{(back.Completed.Query.Length > 0 ? '&' : '?')}session={customer}"));

    public Task<SavedMethod?> FinishSetupAsync(string customer, string session, CancellationToken ct) => Task.FromResult(session == customer ? TestCard : null);

    public Task<SavedMethod?> DefaultMethodAsync(string customer, CancellationToken ct) => Task.FromResult<SavedMethod?>(TestCard);

    public Task<Uri> ManageAsync(string customer, Uri back, string language, CancellationToken ct) => Task.FromResult(back);

    public Task<ProviderPayment> PrepareAsync(PaymentOrder order, string? paymentId, CancellationToken ct) => Task.FromResult<ProviderPayment>(
        new ProviderPayment.Unconfirmed(paymentId ?? FormattableString.Invariant($"sandbox_{order.Invoice:N}_{order.Attempt}"), order.Invoice, order.Amount, LastCharge: null));

    public async Task<ProviderPayment> ConfirmAsync(PaymentConfirmation confirmation, CancellationToken ct)
    {
        var recorded = await RecordedAsync(confirmation.PaymentId, ct);
        var (id, invoice, amount) = (confirmation.PaymentId, confirmation.Invoice, recorded.Open);
        var charge = FormattableString.Invariant($"{id}_{confirmation.Attempt}");
        return recorded.Outcome switch
        {
            Succeed => new ProviderPayment.Succeeded(id, invoice, amount, charge, clock.GetUtcNow()),
            // A customer who is present confirms.
            "authentication_required" when confirmation.Interactive => new ProviderPayment.Succeeded(id, invoice, amount, charge, clock.GetUtcNow()),
            Debit => new ProviderPayment.Pending(id, invoice, amount, charge),
            var code => new ProviderPayment.Declined(id, invoice, amount, charge, Reason(code)),
        };
    }

    public async Task<ProviderPayment> FindAsync(string paymentId, CancellationToken ct)
    {
        var recorded = await RecordedAsync(paymentId, ct);
        var (invoice, amount, charge, now) = (recorded.Invoice, recorded.Open, recorded.LastCharge, clock.GetUtcNow());
        return recorded.State switch
        {
            "pending" when now < recorded.ChangedAt + DebitDuration => new ProviderPayment.Pending(paymentId, invoice, amount, charge),
            "pending" when recorded.Outcome is Succeed or Debit => new ProviderPayment.Succeeded(paymentId, invoice, amount, charge, now),
            "pending" => new ProviderPayment.Declined(paymentId, invoice, amount, charge, Reason(recorded.Outcome)),
            _ => new ProviderPayment.Unconfirmed(paymentId, invoice, amount, charge),
        };
    }

    public Task CancelAsync(string paymentId, CancellationToken ct) => Task.CompletedTask;

    public Task<ProviderRefund> RefundAsync(string paymentId, decimal amount, Guid key, CancellationToken ct) =>
        Task.FromResult(new ProviderRefund($"sandbox_{key:N}", RefundState.Succeeded, amount));

    /// <summary>There are no webhooks: <see cref="SetSandboxOutcome"/> does what they would tell.</summary>
    public ProviderEvent? ReadEvent(ReadOnlyMemory<byte> body, string? signature, DateTimeOffset now) => null;

    public Task<ProviderFact> FetchAsync(ProviderEvent notice, CancellationToken ct) => Task.FromResult<ProviderFact>(new ProviderFact.Irrelevant());

    public async IAsyncEnumerable<ProviderPayment> ListAsync(DateTimeOffset since, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        yield break;
    }

    static Decline Reason(string outcome)
    {
        var code = outcome == Declined ? "generic_decline" : outcome;
        return Decline.Of(code, advice: null, $"The sandbox declines with {code}.");
    }

    async Task<Recorded> RecordedAsync(string paymentId, CancellationToken ct)
    {
        if (!options.Sandbox)
        {
            throw new InvalidOperationException("Test payments exist in a sandbox only.");
        }

        var invoice = Guid.ParseExact(paymentId.Split('_')[1], "N");
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync(
            Read, row => new Recorded(invoice, row.GetString(0), row.GetString(1), row.Get<string>(2), row.GetFieldValue<DateTimeOffset>(3), row.GetDecimal(4)), ct, invoice, Succeed)
            ?? throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"There is no payment {paymentId}."));
    }

    sealed record Recorded(Guid Invoice, string Outcome, string State, string? LastCharge, DateTimeOffset ChangedAt, decimal Open);

    const string Read = $"""
        select coalesce(b.sandbox_outcome, $2), p.state, p.last_charge_id, p.changed_at, {PaymentRows.Open}
        from control.payment p join control.invoice i on i.id = p.invoice_id left join control.billing_profile b on b.tenant_id = p.tenant_id where p.invoice_id = $1
        """;
}
