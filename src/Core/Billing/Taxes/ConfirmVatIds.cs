using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Taxes;

/// <summary>
/// Asks the register about the VAT ids that wait for it, as part of the job <c>payments</c>. No transaction is open during a question. A register that does not
/// answer is asked again, ever less often.
/// </summary>
public sealed class ConfirmVatIds(ControlDatabase database, Clock clock, IVatRegister register, ILogger<ConfirmVatIds> log)
{
    static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(15);
    static readonly TimeSpan LastRetry = TimeSpan.FromHours(12);

    /// <summary>Longer than a question takes: whoever was stopped in between is followed by another.</summary>
    static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    /// <param name="hasTime">Whether the run may go on; the next one continues.</param>
    /// <returns>How many were answered.</returns>
    public async Task<int> RunAsync(Func<bool> hasTime, CancellationToken ct)
    {
        var answered = 0;
        while (hasTime() && await ClaimAsync(ct) is { } waiting)
        {
            var answer = await register.CheckAsync(waiting.VatId, ct);
            await RecordAsync(waiting, answer, ct);
            answered += answer is VatAnswer.Unavailable ? 0 : 1;
        }

        return answered;
    }

    sealed record Waiting(Guid Id, Guid Tenant, string VatId, int Attempts);

    async Task<Waiting?> ClaimAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var claimed = await transaction.FirstAsync(
            Claim, row => new Waiting(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetInt32(3)), ct, clock.GetUtcNow(), clock.GetUtcNow() + Lease);
        await transaction.CommitAsync(ct);
        return claimed;
    }

    async Task RecordAsync(Waiting waiting, VatAnswer answer, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginJobAsync(ct);
        switch (answer)
        {
            case VatAnswer.Valid valid:
                await transaction.ExecuteAsync(Store, ct, waiting.Id, "valid", now, valid.Consultation, valid.Name, valid.Address, valid.Raw);
                break;
            case VatAnswer.Invalid invalid:
                await transaction.ExecuteAsync(Store, ct, waiting.Id, "invalid", now, null, null, null, invalid.Raw);
                await transaction.ExecuteAsync(
                    Review, ct, Ids.New(clock), waiting.Tenant, waiting.VatId, $"The register does not know the VAT id {waiting.VatId}. Invoices are written with VAT.", now);
                break;
            case VatAnswer.Unavailable unavailable:
                log.LogInformation("The register of VAT ids does not answer: {Code}, attempt {Attempt}", unavailable.Code, waiting.Attempts);
                await transaction.ExecuteAsync(
                    "update control.vat_confirmation set next_attempt_at = $2, last_error = $3 where id = $1 and state = 'requested'", ct, waiting.Id, now + Delay(waiting.Attempts), unavailable.Code);
                break;
        }

        await transaction.CommitAsync(ct);
    }

    /// <param name="attempts">Made so far; at least 1.</param>
    public static TimeSpan Delay(int attempts) => TimeSpan.FromTicks(Math.Min(LastRetry.Ticks, FirstRetry.Ticks << Math.Min(attempts - 1, 10)));

    const string Claim = """
        with next as (
            select id from control.vat_confirmation where state = 'requested' and next_attempt_at <= $1 order by next_attempt_at, id limit 1 for update skip locked)
        update control.vat_confirmation c set attempts = attempts + 1, next_attempt_at = $2 from next where c.id = next.id
        returning c.id, c.tenant_id, c.vat_id, c.attempts
        """;

    const string Store = """
        update control.vat_confirmation set state = $2, answered_at = $3, consultation = $4, name = $5, address = $6, answer = $7::jsonb, next_attempt_at = null, last_error = null
        where id = $1 and state = 'requested'
        """;

    const string Review = """
        insert into control.billing_review (id, tenant_id, kind, subject, detail, raised_at) values ($1, $2, 'vat_id_invalid', $3, $4, $5)
        on conflict (tenant_id, kind, subject) where resolved_at is null do nothing
        """;
}
