namespace ControlPlane.Billing.Payments;

public abstract record SandboxOutcomeResult
{
    /// <summary>The tenant's payments lead to it from now on.</summary>
    public sealed record Set : SandboxOutcomeResult;
    /// <param name="Number">Of the invoice whose payment was taken back.</param>
    public sealed record Reversed(string Number) : SandboxOutcomeResult;
    /// <summary>No invoice of the tenant is paid.</summary>
    public sealed record NothingToReverse : SandboxOutcomeResult;
    /// <summary>Payments go to another provider.</summary>
    public sealed record NotUsed : SandboxOutcomeResult;
    public sealed record NoTenant : SandboxOutcomeResult;
    public sealed record UnknownOutcome : SandboxOutcomeResult;
}

/// <summary>Decides what a sandbox tenant's payments lead to, or takes the newest one back.</summary>
public sealed class SetSandboxOutcome(ControlDatabase database, Clock clock, PaymentProviders providers, RecordPayment record)
{
    /// <summary>Takes the newest payment back, as a dispute does.</summary>
    public const string Reverse = "reverse";

    public async Task<SandboxOutcomeResult> RunAsync(Guid tenant, string outcome, string actor, CancellationToken ct)
    {
        if (outcome != Reverse && !SandboxPayments.Outcomes.Contains(outcome))
        {
            return new SandboxOutcomeResult.UnknownOutcome();
        }

        if (providers.Find(SandboxPayments.ProviderName) is null)
        {
            return new SandboxOutcomeResult.NotUsed();
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (!await transaction.ScalarAsync<bool>("select exists (select from control.tenant where id = $1)", ct, tenant))
        {
            return new SandboxOutcomeResult.NoTenant();
        }

        await transaction.AuditAsync(clock, tenant, actor, "sandbox_payments.set", new { outcome }, ct);
        if (outcome == Reverse)
        {
            return await ReverseAsync(transaction, tenant, actor, ct);
        }

        await transaction.ExecuteAsync(Store, ct, tenant, outcome);
        await transaction.CommitAsync(ct);
        return new SandboxOutcomeResult.Set();
    }

    async Task<SandboxOutcomeResult> ReverseAsync(Transaction transaction, Guid tenant, string actor, CancellationToken ct)
    {
        var newest = await transaction.FirstAsync(
            Newest, row => new { Invoice = row.GetGuid(0), Number = row.GetString(1), Source = row.GetString(2), Amount = row.GetDecimal(3), PaymentId = row.Get<string>(4) }, ct, tenant);
        if (newest is null)
        {
            return new SandboxOutcomeResult.NothingToReverse();
        }

        await record.DisputeAsync(
            transaction, newest.Invoice,
            new ProviderFact.Disputed(newest.PaymentId ?? "", newest.Invoice, $"sandbox_dispute_{newest.Source}", newest.Amount, IsWithdrawn: true, clock.GetUtcNow(), "fraudulent"), actor, ct);
        await transaction.CommitAsync(ct);
        return new SandboxOutcomeResult.Reversed(newest.Number);
    }

    const string Store = """
        insert into control.billing_profile (tenant_id, collection, provider, sandbox_outcome) values ($1, 'charge', 'sandbox', $2)
        on conflict (tenant_id) do update set sandbox_outcome = excluded.sandbox_outcome
        """;

    const string Newest = """
        select s.invoice_id, i.number, s.source, s.amount, p.provider_payment_id
        from control.settlement s join control.invoice i on i.id = s.invoice_id join control.payment p on p.invoice_id = s.invoice_id
        where s.tenant_id = $1 and s.kind = 'payment'
          and not exists (select from control.settlement r where r.invoice_id = s.invoice_id and r.kind = 'reversal' and r.source = 'sandbox_dispute_' || s.source)
        order by s.booked_at desc, s.id desc limit 1
        """;
}
