namespace ControlPlane.Accounts;

/// <summary>How many attempts there may be on one subject, such as an account.</summary>
/// <param name="PerOrigin">From one network, known device or tenant.</param>
/// <param name="FromNetworks">From all but known devices. Of each origin no more than <paramref name="PerOrigin"/> count, so one alone cannot use this up.</param>
/// <param name="Period">A count starts again this long after its first attempt.</param>
sealed record RateLimit(int PerOrigin, int FromNetworks, TimeSpan Period);

/// <summary>Counts attempts in the database, so that all processes share one limit. An attempt is counted before it is made: concurrent ones cannot exceed a limit.</summary>
/// <remarks>A subject has at most as many rows as the highest <see cref="RateLimit.FromNetworks"/> that it is counted with, besides its known devices: beyond it
/// nothing is stored.</remarks>
static class RateCounter
{
    /// <summary>Of counts where it does not matter.</summary>
    public const string NoOrigin = "";

    /// <summary>Checks of a password, by account.</summary>
    public const string SignIn = "sign_in";
    /// <summary>Checks of a password, by network.</summary>
    public const string Network = "network";
    /// <summary>Invitations, by tenant.</summary>
    public const string Invitation = "invitation";
    // Mails by recipient. One kind must not use up the others, and only the answer to a signup may show that its count is used up: it does not depend on
    // whether the address has an account.
    public const string SignupMail = "signup_mail", ResetMail = "reset_mail", InvitationMail = "tenant_mail", EmailChangeMail = "email_mail";
    // Mails to addresses that have not been confirmed, of all recipients. Two totals, so that tenants' mails and signups do not use up each other.
    /// <summary>Those that visitors cause.</summary>
    public const string SignupMails = "unconfirmed_mail";
    /// <summary>Those that unapproved tenants cause.</summary>
    public const string UnapprovedMails = "unapproved_mail";
    /// <summary>Those of one tenant, or one of its members.</summary>
    public const string TenantMails = "mails_of_tenant";

    /// <param name="subject">What is tried: a hash or an id.</param>
    /// <returns>When to try again; null when the attempt may be made.</returns>
    public static Task<TimeSpan?> CountAsync(
        this Statements database, string scope, byte[] subject, RequestOrigin origin, RateLimit limit, CancellationToken ct) =>
        database.FirstAsync(
            Count, row => row.Get<TimeSpan?>(0), ct,
            scope, subject, origin.Name, origin.IsKnownDevice, limit.PerOrigin, limit.FromNetworks, limit.Period);

    /// <summary>Counts without an origin.</summary>
    public static Task<TimeSpan?> CountAsync(this Statements database, string scope, byte[] subject, RateLimit limit, CancellationToken ct) =>
        database.CountAsync(scope, subject, RequestOrigin.Network(NoOrigin), limit, ct);

    /// <summary>Takes back one attempt, which turned out to be harmless.</summary>
    public static Task UncountAsync(this Statements database, string scope, byte[] subject, string origin, CancellationToken ct) =>
        database.ExecuteAsync(
            "update control.rate_counter set used = used - 1 where scope = $1 and subject = $2 and origin = $3 and used > 0", ct, scope, subject, origin);

    /// <param name="origin">null: of all origins.</param>
    public static Task ClearCountAsync(this Statements database, string scope, byte[] subject, RequestOrigin? origin, CancellationToken ct) =>
        database.ExecuteAsync(
            "delete from control.rate_counter where scope = $1 and subject = $2 and ($3::text is null or origin = $3)", ct, scope, subject, origin?.Name);

    // A count never falls, also when it is compared with a lower limit than before.
    // Old rows of the subject are deleted on the way. Those that a concurrent statement has locked are left to it: waiting for each other could be a deadlock.
    const string Count = """
        with old as (
            delete from control.rate_counter c using (
                select origin from control.rate_counter where scope = $1 and subject = $2 and origin <> $3 and since <= now() - $7
                limit 100 for update skip locked) o
            where c.scope = $1 and c.subject = $2 and c.origin = o.origin),
        others as (
            select coalesce(sum(least(used, $5)), 0)::bigint as used, min(since) as since from control.rate_counter
            where scope = $1 and subject = $2 and origin <> $3 and origin not like 'device:%' and since > now() - $7),
        counted as (
            insert into control.rate_counter as c (scope, subject, origin, used, since)
            select $1, $2, $3, 1, now() from others where $4 or others.used < $6
            on conflict (scope, subject, origin) do update set
                used = case when c.since > now() - $7 then greatest(c.used, least(c.used + 1, $5 + 1)) else 1 end,
                since = case when c.since > now() - $7 then c.since else now() end
            returning c.used, c.since)
        select greatest(case when counted.used > $5 then counted.since else others.since end + $7 - now(), interval '1 second')
        from others left join counted on true
        where counted.used is null or counted.used > $5 or (not $4 and counted.used + others.used > $6)
        """;
}
