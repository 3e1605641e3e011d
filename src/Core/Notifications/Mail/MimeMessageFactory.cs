using System.Text;
using MimeKit;

namespace ControlPlane.Notifications.Mail;

/// <summary>Turns a queued mail into a MIME message. The same mail yields the same bytes.</summary>
public static class MimeMessageFactory
{
    /// <summary>RFC 5322, in bytes without the line break.</summary>
    const int MaxLineLength = 998;

    /// <exception cref="FormatException">The sender's or recipient's address is malformed, or the subject contains a control character.</exception>
    public static MimeMessage Create(OutgoingMail mail)
    {
        // A line break in a value would start another header.
        if (mail.Subject.Any(char.IsControl))
        {
            throw new FormatException("The subject contains a control character.");
        }

        var message = new MimeMessage();
        message.From.Add(new MailboxAddress(null, mail.From));
        message.To.Add(new MailboxAddress(null, mail.To));
        message.Date = mail.CreatedAt;
        message.MessageId = mail.MessageId;
        message.Subject = mail.Subject;
        // RFC 3834: vacation responders do not answer such mail.
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        // The last alternative is the preferred one (RFC 2046).
        MimeEntity text = mail.Html is { } html
            ? new MultipartAlternative { CreateText("plain", mail.Body), CreateText("html", html) }
            : CreateText("plain", mail.Body);
        message.Body = mail.Attachment is { } attachment
            ? new Multipart("mixed") { text, CreateAttachment(attachment) }
            : text;
        SetBoundaries(message.Body, mail.Id);
        return message;
    }

    // Random ones would make other bytes of the same mail.
    static void SetBoundaries(MimeEntity body, Guid id, int depth = 0)
    {
        if (body is Multipart multipart)
        {
            multipart.Boundary = depth == 0 ? $"=_{id:N}" : $"=_{id:N}_{depth}";
            foreach (var part in multipart)
            {
                SetBoundaries(part, id, depth + 1);
            }
        }
    }

    /// <summary>Whether a mail server must support SMTPUTF8 (RFC 6531). A domain needs no support: it is sent in punycode.</summary>
    public static bool RequiresSmtpUtf8(this MimeMessage message) =>
        message.From.Mailboxes.Concat(message.To.Mailboxes).Any(mailbox => !Ascii.IsValid(mailbox.LocalPart));

    static TextPart CreateText(string subtype, string body)
    {
        var text = body.ReplaceLineEndings("\r\n").TrimEnd('\r', '\n') + "\r\n";
        // Unencoded where the line length allows it, so that the files of FileMailTransport are easy to read.
        var part = new TextPart(subtype)
        {
            ContentTransferEncoding = text.Split("\r\n").Any(line => Encoding.UTF8.GetByteCount(line) > MaxLineLength) ? ContentEncoding.Base64
                : Ascii.IsValid(text) ? ContentEncoding.SevenBit
                : ContentEncoding.EightBit,
        };
        part.SetText(Encoding.UTF8, text);
        return part;
    }

    static MimePart CreateAttachment(MailAttachment attachment) => new(TypeOf(attachment.FileName))
    {
        Content = new MimeContent(new MemoryStream(attachment.Content)),
        ContentTransferEncoding = ContentEncoding.Base64,
        ContentDisposition = new ContentDisposition(ContentDisposition.Attachment),
        FileName = attachment.FileName,
    };

    static string TypeOf(string fileName) => fileName.EndsWith(".pdf", StringComparison.OrdinalIgnoreCase) ? "application/pdf" : "application/octet-stream";
}
