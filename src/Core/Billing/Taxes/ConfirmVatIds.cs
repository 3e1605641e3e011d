using ControlPlane.Billing.Mails;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Taxes;

/// <summary>
/// Asks the register about the VAT ids that wait for it, as part of the job <c>payments</c>. No transaction is open during a question. A register that does not
/// answer is asked again, ever less often.
/// </summary>
public sealed class ConfirmVatIds(ControlDatabase database, Clock clock, IVatRegister register, BillingMailOutbox outbox, ILogger<ConfirmVatIds> log)
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
                await transaction.EndReviewAsync(clock, waiting.Tenant, "vat_id_invalid", waiting.VatId, ct);
                await transaction.ExecuteAsync(Store, ct, waiting.Id, "valid", now, valid.Consultation, valid.Name, valid.Address, valid.Raw);
                break;
            case VatAnswer.Invalid invalid:
                await transaction.ExecuteAsync(Store, ct, waiting.Id, "invalid", now, null, null, null, invalid.Raw);
                await transaction.RaiseReviewAsync(
                    clock, waiting.Tenant, "vat_id_invalid", waiting.VatId, $"The register does not know the VAT id {waiting.VatId}. Invoices are written with VAT.", ct);
                await TellAsync(transaction, waiting, ct);
                break;
            case VatAnswer.Unavailable unavailable:
                log.LogInformation("The register of VAT ids does not answer: {Code}, attempt {Attempt}", unavailable.Code, waiting.Attempts);
                await transaction.ExecuteAsync(
                    "update control.vat_confirmation set next_attempt_at = $2, last_error = $3 where id = $1 and state = 'requested'", ct, waiting.Id, now + Delay(waiting.Attempts), unavailable.Code);
                break;
        }

        await transaction.CommitAsync(ct);
    }

    // Not if the customer has entered another one meanwhile.
    async Task TellAsync(Transaction transaction, Waiting waiting, CancellationToken ct)
    {
        if (await transaction.ScalarAsync<string>("select vat_id from control.tenant where id = $1 and not is_deleted", ct, waiting.Tenant) == waiting.VatId)
        {
            await outbox.EnqueueAsync(transaction, waiting.Tenant, $"vat-id-invalid:{waiting.VatId}", new BillingMail.VatIdInvalid(waiting.VatId), ct);
        }
    }

    /// <param name="attempts">Made so far; at least 1.</param>
    public static TimeSpan Delay(int attempts) => TimeSpan.FromTicks(Math.Min(LastRetry.Ticks, FirstRetry.Ticks << Math.Min(attempts - 1, 10)));

    // An id that was replaced since is not asked for. Tenants that have asked for less come first.
    const string Claim = """
        with next as (
            select c.id from control.vat_confirmation c join control.tenant t on t.id = c.tenant_id and t.vat_id = c.vat_id
            where c.state = 'requested' and c.next_attempt_at <= $1
            order by (select count(*) from control.vat_confirmation a where a.tenant_id = c.tenant_id and a.requested_at > $1 - interval '1 day'), c.next_attempt_at, c.id
            limit 1 for update of c skip locked)
        update control.vat_confirmation c set attempts = attempts + 1, next_attempt_at = $2 from next where c.id = next.id
        returning c.id, c.tenant_id, c.vat_id, c.attempts
        """;

    const string Store = """
        update control.vat_confirmation set state = $2, answered_at = $3, consultation = $4, name = $5, address = $6, answer = $7::jsonb, next_attempt_at = null, last_error = null
        where id = $1 and state = 'requested'
        """;
}
