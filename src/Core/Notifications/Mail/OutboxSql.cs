namespace ControlPlane.Notifications.Mail;

/// <summary>The statements of <see cref="SendOutbox"/>.</summary>
static class OutboxSql
{
    /// <summary>$1: duration of the claim; $2: whether mail that is not urgent may be claimed; $3, $4: domains that are busy with urgent and with other
    /// mail; $5: tenants that are busy.</summary>
    public const string Claim = """
        with next as (
            select o.id from control.outbox o cross join lateral lower(split_part(o.recipient, '@', -1)) as domain
            where sent_at is null and dead_at is null and next_attempt_at <= now()
              and case when urgent then domain <> all($3) else $2 and domain <> all($4) and (tenant_id is null or tenant_id <> all($5)) end
            order by urgent desc, next_attempt_at, id limit 1 for update of o skip locked)
        update control.outbox o set attempts = attempts + 1, next_attempt_at = now() + $1 from next where o.id = next.id
        returning o.id, recipient, subject, body, attachment_name, attachment, created_at, tenant_id, urgent, attempts, next_attempt_at, html,
                  exists (select from control.mail_suppression where address = lower(recipient))
        """;

    public const string RecordSent = "update control.outbox set sent_at = now(), dead_at = null, last_error = null where id = $1";

    /// <summary>Ignored when the claim has expired and another sender has taken the message.</summary>
    public const string RecordFailure = $"""
        update control.outbox set last_error = $3, dead_at = case when $4 then now() end, next_attempt_at = now() + {QueueRetries.Delay}
        where id = $1 and next_attempt_at = $2 and sent_at is null
        """;

    public const string Release = "update control.outbox set attempts = attempts - 1, next_attempt_at = now() where id = $1 and next_attempt_at = $2 and sent_at is null";

    public const string RetryDead = """
        update control.outbox o set attempts = 0, dead_at = null, next_attempt_at = now()
        where dead_at is not null and discarded_at is null and sent_at is null
          and not exists (select from control.mail_suppression where address = lower(recipient))
        """;

    public const string DiscardDead = """
        update control.outbox set discarded_at = $2 where id = $1 and dead_at is not null and discarded_at is null and sent_at is null returning tenant_id
        """;
}
