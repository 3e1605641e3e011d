using System.Globalization;

namespace ControlPlane.Billing.Credits;

/// <summary>Puts a credit on the review list for each environment that was down in the last month for longer than its plan promises. Once for each month, whatever became of it.</summary>
public sealed class ProposeAvailabilityCredits(ControlDatabase database, Clock clock)
{
    public async Task RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var month = new DateOnly(now.Year, now.Month, 1).AddMonths(-1);
        await using var transaction = await database.BeginJobAsync(ct);
        var found = await transaction.QueryAsync(
            Below, row => (Tenant: row.GetGuid(0), Measured: row.GetInt64(1), Down: row.GetInt64(2), Promised: row.GetDecimal(3), Price: row.Get<decimal?>(4)), ct, month, Subject(month), now);
        foreach (var one in found)
        {
            if (AvailabilityCredit.Of(one.Measured, one.Down, one.Promised, one.Price) is { } credit)
            {
                await transaction.RaiseReviewAsync(clock, one.Tenant, "availability", Subject(month), credit.Describe(month, one.Down, one.Promised), ct, credit.Eur);
            }
        }

        await transaction.CommitAsync(ct);
    }

    static string Subject(DateOnly month) => month.ToString("yyyy-MM", CultureInfo.InvariantCulture);

    const string Below = """
        select a.tenant_id, a.measured_seconds, a.down_seconds, p.availability_percent,
               coalesce(s.agreed_eur_per_month, (select t.price_eur_per_month from control.plan_terms t where t.plan = p.name and t.effective_from <= $3 order by t.effective_from desc limit 1))
        from control.availability a join control.subscription s on s.tenant_id = a.tenant_id join control.plan p on p.name = s.plan
        where a.month = $1 and a.down_seconds > 0 and a.measured_seconds > 0 and 100.0 * (a.measured_seconds - a.down_seconds) / a.measured_seconds < p.availability_percent
          and not exists (select from control.billing_review r where r.tenant_id = a.tenant_id and r.kind = 'availability' and r.subject = $2)
        """;
}
