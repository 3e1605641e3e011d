namespace ControlPlane.Notifications.Mail;

/// <summary>Who our mails are from.</summary>
public sealed record MailSender(string Address);

/// <summary>
/// The job <c>outbox</c>: sends the mail that is due. Each message is sent while its row is locked, so two senders never send the same
/// one at once; one that was killed in between sends it again under the same Message-ID.
/// </summary>
public sealed class SendOutbox(ControlDatabase database, IMailTransport transport, MailSender sender)
{
    /// <summary>About half a day of trying: 1, 2, 4, … minutes, then once an hour.</summary>
    public const int MostAttempts = 20;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (sent, failed) = (0, 0);
        var alerts = new List<string>();
        while (true)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            var due = await transaction.FirstAsync(
                TakeOne,
                row => new Due(
                    new OutgoingMail(
                        row.GetGuid(0), sender.Address, row.GetString(1), row.GetString(2), row.GetString(3),
                        row.IsDBNull(4) ? null : new MailAttachment(row.GetString(4), row.GetFieldValue<byte[]>(5)), row.GetFieldValue<DateTimeOffset>(6)),
                    row.GetInt32(7)),
                ct, MostAttempts);
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
                case SendResult.Refused { Why: var why }:
                    await PostponeAsync(transaction, due, why, alerts, ct);
                    failed++;
                    break;
                case SendResult.Away { Why: var why }:
                    await PostponeAsync(transaction, due, why, alerts, ct);
                    await transaction.CommitAsync(ct);
                    // The others would fail alike; the next run tries the next one.
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
            return new SendResult.Refused(e.Message);
        }
    }

    static async Task PostponeAsync(Transaction transaction, Due due, string why, List<string> alerts, CancellationToken ct)
    {
        await transaction.ExecuteAsync(Postpone, ct, due.Mail.Id, why);
        if (due.Attempts + 1 >= MostAttempts)
        {
            // Without the reason, which may name the recipient: alerts go to the log.
            alerts.Add($"Mail {due.Mail.Id} was given up after {MostAttempts} attempts; control.outbox.last_error says why");
        }
    }

    sealed record Due(OutgoingMail Mail, int Attempts);

    const string TakeOne = """
        select id, recipient, subject, body, attachment_name, attachment, created_at, attempts from control.outbox
        where sent_at is null and attempts < $1 and next_attempt_at <= now()
        order by next_attempt_at, id limit 1 for update skip locked
        """;

    const string Postpone = """
        update control.outbox set attempts = attempts + 1, last_error = $2, next_attempt_at = now() + make_interval(mins => least(60, 2 ^ attempts)::int)
        where id = $1
        """;
}
