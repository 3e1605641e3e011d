namespace ControlPlane.Notifications.Mail;

/// <param name="DedupeKey">Names the occasion, e.g. <c>invoice:{number}</c>. A second message with the same key is dropped.</param>
/// <param name="Body">Plain text.</param>
public sealed record MailMessage(Guid? Tenant, string DedupeKey, string To, string Subject, string Body, MailAttachment? Attachment = null)
{
    /// <summary>Whether the recipient is waiting for it, as for a link to choose a new password: never sent after other mail.</summary>
    public bool Urgent { get; init; }

    /// <summary>The same text as HTML; null: the mail is plain text.</summary>
    public string? Html { get; init; }
}

public sealed record MailAttachment(string FileName, byte[] Content);

/// <summary>Queues mail in the transaction of the change it reports. The job <c>mail</c> sends it after the commit.</summary>
public static class Outbox
{
    public static Task EnqueueAsync(this Transaction transaction, TimeProvider clock, MailMessage mail, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Insert, ct, Ids.New(clock), mail.Tenant, mail.DedupeKey, mail.To, mail.Subject, mail.Body,
            mail.Attachment?.FileName, mail.Attachment?.Content, clock.GetUtcNow(), mail.Urgent, mail.Html);

    // Listening hosts are notified when, and only when, the transaction commits.
    const string Insert = """
        with queued as (
            insert into control.outbox (id, tenant_id, dedupe_key, recipient, subject, body, attachment_name, attachment, created_at, urgent, html)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing)
        select pg_notify('control_job', 'mail')
        """;
}
