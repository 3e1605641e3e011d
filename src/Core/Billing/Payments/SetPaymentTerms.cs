namespace ControlPlane.Billing.Payments;

/// <summary>How a tenant's invoices are collected, as agreed with it.</summary>
/// <param name="Kind">charge: from its payment method; transfer: it transfers.</param>
/// <param name="PaymentDays">From the issue of an invoice until a transfer has to arrive, 0 to 90; null: as configured.</param>
/// <param name="ExposureEur">Overage beyond this amount is invoiced before the period ends; null: as configured.</param>
public sealed record PaymentTerms(string? Kind, int? PaymentDays, decimal? ExposureEur)
{
    public FieldErrors Validate()
    {
        var errors = new FieldErrors();
        errors.Check("kind", Kind is "charge" or "transfer" ? null : "Use charge or transfer.");
        errors.Check("payment_days", PaymentDays is < 0 or > 90 ? "Enter 0 to 90 days, or leave it out: as configured." : null);
        errors.Check(
            "exposure_eur",
            ExposureEur is <= 0 or > 1_000_000 || (ExposureEur is { } eur && decimal.Round(eur, 2) != eur) ? "Enter an amount from 0.01 to 1000000 EUR, or leave it out: as configured." : null);
        return errors;
    }
}

public abstract record SetPaymentTermsResult
{
    public sealed record Done : SetPaymentTermsResult;
    public sealed record Invalid(FieldErrors Errors) : SetPaymentTermsResult;
    public sealed record NotFound : SetPaymentTermsResult;
}

/// <summary>Agrees how a tenant pays, for an operator. It counts for the invoices that follow.</summary>
public sealed class SetPaymentTerms(ControlDatabase database, Clock clock)
{
    public async Task<SetPaymentTermsResult> RunAsync(Guid tenant, PaymentTerms agreed, string actor, CancellationToken ct)
    {
        if (agreed.Validate() is { Count: > 0 } errors)
        {
            return new SetPaymentTermsResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ExecuteAsync(Set, ct, tenant, agreed.Kind, agreed.PaymentDays, agreed.ExposureEur) == 0)
        {
            return new SetPaymentTermsResult.NotFound();
        }

        await transaction.AuditAsync(
            clock, tenant, actor, "collection.set", new { kind = agreed.Kind, payment_days = agreed.PaymentDays, exposure_eur = agreed.ExposureEur }, ct);
        await transaction.CommitAsync(ct);
        return new SetPaymentTermsResult.Done();
    }

    const string Set = """
        insert into control.billing_profile (tenant_id, collection, payment_days, exposure_eur) select id, $2, $3, $4 from control.tenant where id = $1 and not is_deleted
        on conflict (tenant_id) do update set collection = excluded.collection, payment_days = excluded.payment_days, exposure_eur = excluded.exposure_eur
        """;
}
