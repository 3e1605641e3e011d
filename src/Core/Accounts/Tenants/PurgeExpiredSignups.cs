namespace ControlPlane.Accounts.Tenants;

/// <summary>Deletes unconfirmed signups seven days after their last mail, ended links and sessions, and counts of attempts that have started again.</summary>
public sealed class PurgeExpiredSignups(ControlDatabase database, AccountOptions accounts)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var signups = await transaction.ExecuteAsync(DeleteSignups, ct);
        var links = await transaction.ExecuteAsync("delete from control.member_token where expires_at < now() - interval '30 days'", ct);
        var sessions = await transaction.ExecuteAsync("delete from control.member_session where expires_at < now() or last_seen_at < now() - $1", ct, accounts.SessionIdle)
            + await transaction.ExecuteAsync("delete from control.operator_session where expires_at < now()", ct);
        await transaction.ExecuteAsync("delete from control.rate_counter where since < now() - interval '1 day'", ct);
        await transaction.CommitAsync(ct);
        return JobReport.Of(("signups", signups), ("links", links), ("sessions", sessions));
    }

    // The link is valid for two days after its mail; seven days after the mail are five after its expiry.
    const string DeleteSignups = """
        delete from control.tenant t where t.status = 'pending' and not exists (
            select 1 from control.member_token k where k.tenant_id = t.id and k.purpose = 'verify' and k.expires_at > now() - interval '5 days')
        """;
}
