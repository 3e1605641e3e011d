using MimeKit;

namespace ControlPlane.Notifications.Mail;

/// <summary>One message to be sent.</summary>
/// <param name="Id">Of the outbox row: every attempt to send the row carries the same Message-ID, so that a receiver can drop duplicates.</param>
/// <param name="CreatedAt">When it was queued; the Date of the message.</param>
public sealed record OutgoingMail(
    Guid Id, string From, string To, string Subject, string Body, MailAttachment? Attachment, DateTimeOffset CreatedAt)
{
    /// <summary>The same text as HTML; null: the mail is plain text.</summary>
    public string? Html { get; init; }

    /// <summary>Without angle brackets.</summary>
    /// <exception cref="FormatException">The sender's address is malformed.</exception>
    public string MessageId
    {
        get
        {
            var sender = new MailboxAddress(null, From).GetAddress(idnEncode: true);
            return $"{Id}@{sender[(sender.LastIndexOf('@') + 1)..]}";
        }
    }
}

public abstract record SendResult
{
    public sealed record Sent : SendResult;
    /// <summary>The server rejected this message. Others may be accepted, and so may this one later.</summary>
    public sealed record Rejected(string Reason) : SendResult;
    /// <summary>This message can never be sent from here.</summary>
    public sealed record Undeliverable(string Reason) : SendResult;
    /// <summary>The address is refused permanently: no message can be delivered there.</summary>
    public sealed record AddressRefused(string Reason) : SendResult;
    /// <summary>No message can be sent at the moment.</summary>
    public sealed record Unavailable(string Reason) : SendResult;
}

/// <summary>Delivers messages: <see cref="SmtpMailTransport"/> or <see cref="FileMailTransport"/>.</summary>
public interface IMailTransport
{
    /// <summary>Takes less than a minute, whatever the server does.</summary>
    /// <exception cref="FormatException">The message cannot be written: see <see cref="MimeMessageFactory"/>.</exception>
    Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct);
}
