namespace ControlPlane.Accounts.Members;

/// <summary>Tells operators, as a part of the job <c>mail</c>, when mail to unconfirmed addresses has reached its total: customers wait then, too.</summary>
public sealed class MailTotals(ControlDatabase database, Clock clock, AccountOptions accounts)
{
    static readonly TimeSpan AlertInterval = TimeSpan.FromDays(1);

    static readonly (string Scope, string Action, string Effect)[] Totals =
    [
        (RateCounter.SignupMails, "mails.signups_limited", "signups have to wait"),
        (RateCounter.UnapprovedMails, "mails.unapproved_limited", "invitations by unapproved tenants have to wait, those by approved ones do not"),
    ];

    /// <returns>The alert for each total that is reached, once a day.</returns>
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (alerts, limit) = (new List<string>(), accounts.MailsToUnconfirmed);
        await using var transaction = await database.BeginJobAsync(ct);
        foreach (var (scope, action, effect) in Totals)
        {
            if (await transaction.ScalarAsync<bool>(IsReached, ct, scope, limit.PerOrigin, limit.FromNetworks, limit.Period)
                && !await transaction.ScalarAsync<bool>(IsAlerted, ct, action, clock.GetUtcNow() - AlertInterval))
            {
                await transaction.AuditAsync(clock, null, "job:mail", action, null, ct);
                alerts.Add(
                    $"Emails to unconfirmed addresses have reached {limit.FromNetworks} within a day (CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS): {effect}. The table control.rate_counter "
                    + $"shows which networks and tenants caused them (scope {scope}).");
            }
        }

        await transaction.CommitAsync(ct);
        return JobReport.Of() with { Alerts = alerts };
    }

    // As it is counted: known devices are not part of the total.
    const string IsReached = """
        select coalesce(sum(least(used, $2)), 0) >= $3 from control.rate_counter
        where scope = $1 and subject = '' and origin not like 'device:%' and since > now() - $4
        """;

    const string IsAlerted = """
        select exists (select from control.audit_log where tenant_id is null and occurred_at > $2 and action = $1)
        """;
}
