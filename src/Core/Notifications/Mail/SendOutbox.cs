namespace ControlPlane.Notifications.Mail;

/// <summary>The address our mails are sent from.</summary>
public sealed record MailSender(string Address);

/// <summary>
/// The job <c>outbox</c>: sends the mail that is due. Each message is sent while its row is locked, so no two senders send the same one
/// at once. A sender killed before its commit sends the message again under the same Message-ID.
/// </summary>
public sealed class SendOutbox(ControlDatabase database, IMailTransport transport, MailSender sender)
{
    /// <summary>About half a day of attempts: after 1, 2, 4, … minutes, then once an hour.</summary>
    public const int MaxAttempts = 20;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (sent, failed) = (0, 0);
        var alerts = new List<string>();
        while (true)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            var due = await transaction.FirstAsync(
                LockNext,
                row => new Due(
                    new OutgoingMail(
                        row.GetGuid(0), sender.Address, row.GetString(1), row.GetString(2), row.GetString(3),
                        row.IsDBNull(4) ? null : new MailAttachment(row.GetString(4), row.GetFieldValue<byte[]>(5)), row.GetFieldValue<DateTimeOffset>(6)),
                    row.GetInt32(7)),
                ct, MaxAttempts);
            if (due is null)
            {
                return Report(sent, failed, alerts);
            }

            var result = await SendAsync(due.Mail, ct);
            switch (result)
            {
                case SendResult.Sent:
                    sent++;
                    await transaction.ExecuteAsync("update control.outbox set sent_at = now(), attempts = attempts + 1, last_error = null where id = $1", ct, due.Mail.Id);
                    break;
                case SendResult.Rejected { Reason: var reason }:
                    await PostponeAsync(transaction, due, reason, alerts, ct);
                    failed++;
                    break;
                case SendResult.Undeliverable { Reason: var reason }:
                    await transaction.ExecuteAsync(DeadLetter, ct, due.Mail.Id, reason, MaxAttempts);
                    alerts.Add(DeadLettered(due.Mail));
                    failed++;
                    break;
                case SendResult.Unavailable { Reason: var reason }:
                    await PostponeAsync(transaction, due, reason, alerts, ct);
                    await transaction.CommitAsync(ct);
                    // The others would fail as well. The next run tries the next one.
                    return Report(sent, failed + 1, alerts);
            }

            await transaction.CommitAsync(ct);
        }
    }

    static JobReport Report(int sent, int failed, List<string> alerts) => JobReport.Of(("sent", sent), ("failed", failed)) with { Alerts = alerts };

    async Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        try
        {
            return await transport.SendAsync(mail, ct);
        }
        catch (FormatException e)
        {
            return new SendResult.Undeliverable(e.Message);
        }
    }

    static async Task PostponeAsync(Transaction transaction, Due due, string reason, List<string> alerts, CancellationToken ct)
    {
        await transaction.ExecuteAsync(Postpone, ct, due.Mail.Id, reason);
        if (due.Attempts + 1 >= MaxAttempts)
        {
            alerts.Add(DeadLettered(due.Mail));
        }
    }

    // Alerts are logged, so the reason is left out: it may contain the recipient's address.
    static string DeadLettered(OutgoingMail mail) => $"Mail {mail.Id} could not be sent and was dead-lettered; the reason is in control.outbox.last_error";

    sealed record Due(OutgoingMail Mail, int Attempts);

    const string LockNext = """
        select id, recipient, subject, body, attachment_name, attachment, created_at, attempts from control.outbox
        where sent_at is null and attempts < $1 and next_attempt_at <= now()
        order by next_attempt_at, id limit 1 for update skip locked
        """;

    const string DeadLetter = "update control.outbox set attempts = $3, last_error = $2 where id = $1";

    const string Postpone = """
        update control.outbox set attempts = attempts + 1, last_error = $2, next_attempt_at = now() + make_interval(mins => least(60, 2 ^ attempts)::int)
        where id = $1
        """;
}
