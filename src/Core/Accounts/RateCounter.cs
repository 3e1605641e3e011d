namespace ControlPlane.Accounts;

/// <param name="Used">Attempts of this subject and origin in the period, this one included.</param>
/// <param name="Others">Attempts on the same subject from other networks.</param>
/// <param name="RetryAfter">When the count starts again.</param>
public sealed record RateCount(int Used, long Others, TimeSpan RetryAfter);

/// <summary>Counts attempts in the database, so that all processes share one limit. An attempt is counted before it is made: concurrent ones cannot exceed a limit.</summary>
static class RateCounter
{
    public const string SignIn = "sign_in", SignUp = "sign_up", Invitation = "invitation", Mail = "mail";

    /// <summary>Prefix of an origin that is a known device, not a network.</summary>
    public const string Device = "device:";

    /// <param name="subject">What is tried: a hash or an id.</param>
    /// <param name="origin">The network or device that tries it; empty where that does not matter.</param>
    public static async Task<RateCount> CountAsync(
        this Statements database, string scope, byte[] subject, string origin, TimeSpan period, CancellationToken ct) =>
        (await database.FirstAsync(Count, row => new RateCount(row.GetInt32(0), row.GetInt64(1), row.GetFieldValue<TimeSpan>(2)), ct, scope, subject, origin, period))!;

    /// <param name="origin">null: of all origins.</param>
    public static Task ClearCountAsync(this Statements database, string scope, byte[] subject, string? origin, CancellationToken ct) =>
        database.ExecuteAsync("delete from control.rate_counter where scope = $1 and subject = $2 and ($3::text is null or origin = $3)", ct, scope, subject, origin);

    const string Count = """
        insert into control.rate_counter as c (scope, subject, origin, used, since) values ($1, $2, $3, 1, now())
        on conflict (scope, subject, origin) do update set
            used = case when c.since > now() - $4 then least(c.used + 1, 1000000000) else 1 end,
            since = case when c.since > now() - $4 then c.since else now() end
        returning used,
            (select coalesce(sum(o.used), 0)::bigint from control.rate_counter o
             where o.scope = $1 and o.subject = $2 and o.origin <> $3 and o.origin not like 'device:%' and o.since > now() - $4),
            greatest(since + $4 - now(), interval '1 second')
        """;
}
