namespace ControlPlane.Billing.Payments;

/// <summary>A payment that this process alone may talk to the provider about, for a while.</summary>
/// <param name="Attempt">null: only what the provider says is asked for.</param>
/// <param name="Open">EUR.</param>
/// <param name="LastCharge">Of the newest attempt whose result is recorded.</param>
sealed record PaymentClaim(
    Guid Id, Guid Invoice, Guid Tenant, string Number, string Provider, string? Customer, string? PaymentId, string? LastCharge, decimal Open, PaymentAttempt? Attempt);

/// <param name="Method">null: the customer has none.</param>
sealed record PaymentAttempt(Guid Id, int Ordinal, string? Method, bool IsInteractive);

/// <summary>Claims payments, so that several processes never work on the same one. A claim ends by itself: its process may have been killed.</summary>
public sealed class PaymentClaims(ControlDatabase database, Clock clock, PaymentProviders providers)
{
    /// <summary>Longer than all calls of an attempt take.</summary>
    static readonly TimeSpan Duration = TimeSpan.FromMinutes(5);

    /// <returns>null: none is due, or others are working on all that are.</returns>
    internal async Task<PaymentClaim?> NextAsync(IReadOnlyCollection<Guid> busy, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var invoice = await transaction.ScalarAsync<Guid?>(Due, ct, clock.GetUtcNow(), providers.Current?.Name, busy.ToArray());
        return invoice is { } due ? await ClaimAsync(transaction, due, cause: null, ct) : null;
    }

    /// <summary>Claims the payment of one invoice for an attempt, whenever it is due.</summary>
    /// <param name="cause">As in <c>control.payment_attempt</c>.</param>
    /// <returns>null: another process is working on it, or there is nothing to collect.</returns>
    internal async Task<PaymentClaim?> OfAsync(Guid invoice, string cause, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<Guid?>(One, ct, invoice) is null ? null : await ClaimAsync(transaction, invoice, cause, ct);
    }

    /// <summary>Stores the id of the payment that the provider has created.</summary>
    /// <returns>The id that is stored: another one when another process was faster.</returns>
    internal async Task<string> KeepAsync(PaymentClaim claim, string paymentId, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var kept = await transaction.ScalarAsync<string>(Keep, ct, claim.Invoice, paymentId);
        await transaction.CommitAsync(ct);
        return kept!;
    }

    internal static Task ReleaseAsync(Transaction transaction, PaymentClaim claim, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.payment set claim = null, claimed_until = null where invoice_id = $1 and claim = $2", ct, claim.Invoice, claim.Id);

    async Task<PaymentClaim?> ClaimAsync(Transaction transaction, Guid invoice, string? cause, CancellationToken ct)
    {
        var (id, now) = (Ids.New(clock), clock.GetUtcNow());
        // What was reversed had succeeded, and a payment succeeds once.
        var claim = await transaction.FirstAsync(
            Claim,
            row => new
            {
                State = row.GetString(0),
                Value = new PaymentClaim(
                    id, invoice, row.GetGuid(1), row.GetString(2), row.GetString(3), row.Get<string>(4), row.Get<string>(5), row.Get<string>(6), row.GetDecimal(7), Attempt: null),
                Method = row.Get<string>(8),
                Attempts = row.GetInt32(9),
            },
            ct, invoice, id, Duration, providers.Current?.Name, SandboxPayments.ProviderName, SandboxPayments.Method, now);
        if (claim is null)
        {
            return null;
        }

        var begun = await transaction.FirstAsync(
            Begun, row => new PaymentAttempt(row.GetGuid(0), row.GetInt32(1), row.Get<string>(2), row.GetString(3) == "customer"), ct, invoice);
        // One that was begun belongs to a process that was killed: it may have had its effect.
        var attempt = begun;
        if (begun is null && claim.State != "pending")
        {
            attempt = new PaymentAttempt(Ids.New(clock), claim.Attempts + 1, claim.Method, cause == "customer");
            await transaction.ExecuteAsync(Begin, ct, attempt.Id, invoice, claim.Value.Tenant, attempt.Ordinal, cause, attempt.Method, now);
        }

        await transaction.CommitAsync(ct);
        return claim.Value with { Attempt = attempt };
    }

    // $3: payments that this process is working on.
    const string Due = """
        select invoice_id from control.payment
        where next_attempt_at <= $1 and collection = 'charge' and coalesce(provider, $2) = $2 and (claimed_until is null or claimed_until < now()) and invoice_id <> all($3)
        order by next_attempt_at, invoice_id limit 1 for update skip locked
        """;

    const string One = """
        select invoice_id from control.payment
        where invoice_id = $1 and state not in ('succeeded', 'cancelled') and (claimed_until is null or claimed_until < now()) for update skip locked
        """;

    const string Claim = $"""
        update control.payment p
        set claim = $2, claimed_until = now() + $3, collection = 'charge', provider = coalesce(p.provider, $4),
            -- So that the job finds it if this process is killed.
            next_attempt_at = coalesce(p.next_attempt_at, $7),
            state = case when p.state = 'reversed' then 'due' else p.state end,
            provider_payment_id = case when p.state <> 'reversed' then p.provider_payment_id end,
            last_charge_id = case when p.state <> 'reversed' then p.last_charge_id end
        from control.invoice i left join control.billing_profile b on b.tenant_id = i.tenant_id
        where p.invoice_id = $1 and i.id = p.invoice_id and coalesce(p.provider, $4) is not null
        returning p.state, p.tenant_id, i.number, p.provider, case when b.provider = p.provider then b.customer_id end, p.provider_payment_id, p.last_charge_id,
                  {PaymentRows.Open}, coalesce(case when b.provider = p.provider then b.method_id end, case when p.provider = $5 then $6 end), p.attempts
        """;

    const string Begun = """
        select id, ordinal, method_id, cause from control.payment_attempt where invoice_id = $1 and finished_at is null order by ordinal desc limit 1
        """;

    // Without a cause it is the job's: the first one, a repetition, or one with a method that was saved since.
    const string Begin = """
        with former as (select method_id from control.payment_attempt where invoice_id = $2 order by ordinal desc limit 1),
        counted as (update control.payment set attempts = $4 where invoice_id = $2)
        insert into control.payment_attempt (id, invoice_id, tenant_id, ordinal, cause, method_id, started_at)
        values ($1, $2, $3, $4,
                coalesce($5, case when $4 = 1 then 'schedule' when $6 is distinct from (select method_id from former) then 'new_method' else 'retry' end), $6, $7)
        """;

    const string Keep = """
        update control.payment set provider_payment_id = coalesce(provider_payment_id, $2) where invoice_id = $1 returning provider_payment_id
        """;
}
