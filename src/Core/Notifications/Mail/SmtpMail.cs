using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;

namespace ControlPlane.Notifications.Mail;

/// <summary>A mail server that takes our messages.</summary>
/// <param name="Tls">Whether the connection must be turned into an encrypted one by STARTTLS.</param>
public sealed record SmtpServer(string Host, int Port, string? User, string? Password, bool Tls)
{
    /// <summary>Added to every message: by these services choose what is done with it, such as SES' <c>X-SES-CONFIGURATION-SET</c>.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

/// <summary>Hands each message to a mail server.</summary>
public sealed class SmtpMail(SmtpServer server) : IMailTransport
{
    static readonly TimeSpan LongestSend = TimeSpan.FromSeconds(30);

    public async Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        using var client = new SmtpClient(server.Host, server.Port) { EnableSsl = server.Tls };
        if (server.User is not null)
        {
            client.Credentials = new NetworkCredential(server.User, server.Password);
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(LongestSend);
        try
        {
            using var message = Message(mail, server.Headers);
            await client.SendMailAsync(message, patience.Token);
            return new SendResult.Sent();
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new SendResult.Away($"{server.Host} did not take the message within {LongestSend.TotalSeconds} s.");
        }
        catch (FormatException e)
        {
            return new SendResult.Refused(e.Message);
        }
        catch (SmtpException e)
        {
            return e is SmtpFailedRecipientException || IsAboutTheMessage(e.StatusCode) ? new SendResult.Refused(e.Message) : new SendResult.Away(e.Message);
        }
    }

    static bool IsAboutTheMessage(SmtpStatusCode code) => code is
        SmtpStatusCode.MailboxBusy or SmtpStatusCode.MailboxUnavailable or SmtpStatusCode.MailboxNameNotAllowed or SmtpStatusCode.UserNotLocalTryAlternatePath
        or SmtpStatusCode.ExceededStorageAllocation or SmtpStatusCode.TransactionFailed or SmtpStatusCode.SyntaxError;

    static System.Net.Mail.MailMessage Message(OutgoingMail mail, IReadOnlyDictionary<string, string> headers)
    {
        var message = new System.Net.Mail.MailMessage(mail.From, mail.To)
        {
            Subject = mail.Subject,
            SubjectEncoding = Encoding.UTF8,
            Body = mail.Body,
            BodyEncoding = Encoding.UTF8,
            BodyTransferEncoding = TransferEncoding.QuotedPrintable,
        };
        message.Headers.Add("Message-ID", mail.MessageId);
        foreach (var (name, value) in headers)
        {
            message.Headers.Add(name, value);
        }

        if (mail.Attachment is { } attachment)
        {
            message.Attachments.Add(new Attachment(new MemoryStream(attachment.Content), attachment.FileName, MimeText.TypeOf(attachment)));
        }

        return message;
    }
}
