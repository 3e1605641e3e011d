namespace ControlPlane.Billing.Payments;

public abstract record TransferResult
{
    /// <param name="Open">EUR that are left to pay; negative: too much was paid, and is in the tenant's balance.</param>
    public sealed record Recorded(decimal Open) : TransferResult;
    /// <summary>A transfer with this reference is on record for the invoice.</summary>
    public sealed record AlreadyRecorded : TransferResult;
    /// <summary>There is no such invoice, or it has nothing to collect.</summary>
    public sealed record NotFound : TransferResult;
    public sealed record Invalid(FieldErrors Errors) : TransferResult;
}

/// <summary>An operator has seen a payment on the bank account.</summary>
public sealed class RecordTransfer(ControlDatabase database, Clock clock, RecordPayment record)
{
    const int MaximumReference = 140;

    /// <param name="amount">EUR.</param>
    /// <param name="reference">The bank's reference of the transfer: recorded once for each invoice.</param>
    public async Task<TransferResult> RunAsync(string number, decimal amount, DateOnly receivedOn, string reference, string actor, CancellationToken ct)
    {
        if (Validate(amount, receivedOn, reference) is { Count: > 0 } errors)
        {
            return new TransferResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ScalarAsync<Guid?>("select id from control.invoice where number = $1", ct, number) is not { } invoice
            || await transaction.LockPaymentAsync(invoice, ct) is not { } payment)
        {
            return new TransferResult.NotFound();
        }

        if (!await record.BookPaymentAsync(transaction, payment, amount, $"transfer:{reference.Trim()}", At(receivedOn), actor, ct))
        {
            return new TransferResult.AlreadyRecorded();
        }

        await transaction.AuditAsync(clock, payment.Tenant, actor, "payment.recorded", new { invoice = number, amount, receivedOn, reference }, ct);
        await transaction.CommitAsync(ct);
        return new TransferResult.Recorded(payment.Open - amount);
    }

    /// <summary>The instant that stands for a day of a bank's booking.</summary>
    internal static DateTimeOffset At(DateOnly day) => new(day, TimeOnly.MinValue, TimeSpan.Zero);

    FieldErrors Validate(decimal amount, DateOnly receivedOn, string reference)
    {
        var errors = new FieldErrors();
        errors.Check("amount", amount is <= 0 or >= 1_000_000_000 || decimal.Round(amount, 2) != amount ? "Enter an amount in euros, such as 14.58." : null);
        errors.Check("received_on", receivedOn > DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime) || receivedOn.Year < 2020 ? "Enter the day on which the money arrived, today at the latest." : null);
        errors.Check("reference", string.IsNullOrWhiteSpace(reference) || reference.Length > MaximumReference || reference.Any(char.IsControl) ? $"Enter the bank's reference, at most {MaximumReference} characters." : null);
        return errors;
    }
}
