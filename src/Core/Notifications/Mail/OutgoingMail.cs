namespace ControlPlane.Notifications.Mail;

/// <summary>One message on its way out.</summary>
/// <param name="Id">Of the outbox row: every delivery of the row carries the same Message-ID, so that a receiver can drop a repeated one.</param>
/// <param name="CreatedAt">When it was queued; the Date of the message.</param>
public sealed record OutgoingMail(
    Guid Id, string From, string To, string Subject, string Body, MailAttachment? Attachment, DateTimeOffset CreatedAt)
{
    public string MessageId => $"<{Id}@{From[(From.IndexOf('@', StringComparison.Ordinal) + 1)..]}>";
}

public abstract record SendResult
{
    public sealed record Sent : SendResult;
    /// <summary>This message was not taken; others may be.</summary>
    public sealed record Refused(string Why) : SendResult;
    /// <summary>No message can be sent now.</summary>
    public sealed record Away(string Why) : SendResult;
}

/// <summary>The way a message takes: <see cref="FileMail"/> or <see cref="SmtpMail"/>.</summary>
public interface IMailTransport
{
    Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct);
}
