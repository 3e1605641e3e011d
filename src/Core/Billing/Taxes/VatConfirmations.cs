using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Billing.Taxes;

/// <summary>Requests to the register of VAT ids, made in the transaction of what they are for and answered by <see cref="ConfirmVatIds"/>.</summary>
public static class VatConfirmations
{
    /// <summary>An answer that is older is asked for again before the next invoice.</summary>
    static readonly TimeSpan Fresh = TimeSpan.FromDays(30);

    /// <summary>
    /// Asks about the tenant's present VAT id, unless it is not of the union, a question is waiting, or there is a fresh answer. Call it when the id was entered or
    /// changed, at checkout, and before each invoice; also in a tenant's own transaction.
    /// </summary>
    /// <returns>Whether a question was added.</returns>
    public static async Task<bool> RequestVatConfirmationAsync(this Transaction transaction, Clock clock, Guid tenant, CancellationToken ct)
    {
        var vatId = await transaction.ScalarAsync<string>("select vat_id from control.tenant where id = $1", ct, tenant);
        if (vatId is null || !VatId.IsEuropean(vatId) || await transaction.ExecuteAsync(Request, ct, Ids.New(clock), tenant, vatId, clock.GetUtcNow(), clock.GetUtcNow() - Fresh) == 0)
        {
            return false;
        }

        // The job is told after the commit.
        await transaction.ScalarAsync<string>("select pg_notify('control_job', 'payments')::text", ct);
        return true;
    }

    // Questions wait in one queue: whoever keeps changing the id waits until tomorrow, or the day of the invoice.
    const string Request = """
        insert into control.vat_confirmation (id, tenant_id, vat_id, state, requested_at, next_attempt_at)
        select $1, $2, $3, 'requested', $4, $4
        where not exists (select from control.vat_confirmation c where c.tenant_id = $2 and c.vat_id = $3 and (c.state = 'requested' or c.answered_at > $5))
          and (select count(*) from control.vat_confirmation c where c.tenant_id = $2 and c.requested_at > $4 - interval '1 day') < 5
        """;
}
