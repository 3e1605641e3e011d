using System.Globalization;
using System.Text;

namespace ControlPlane.Notifications.Mail;

/// <summary>A message as RFC 5322 and MIME text. The same message gives the same bytes.</summary>
public static class MimeText
{
    /// <summary>RFC 5322: the longest line, in bytes without its end.</summary>
    const int LongestLine = 998;
    /// <summary>RFC 2047: bytes of text that fit an encoded word of 75 characters in base64.</summary>
    const int BytesInWord = 45;

    /// <exception cref="FormatException">A control character in an address or the subject.</exception>
    public static byte[] Write(OutgoingMail mail)
    {
        var text = new StringBuilder();
        Header(text, "Date", mail.CreatedAt.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture));
        Header(text, "From", OneLine(mail.From));
        Header(text, "To", OneLine(mail.To));
        Header(text, "Message-ID", mail.MessageId);
        Header(text, "Subject", Words(OneLine(mail.Subject)));
        Header(text, "MIME-Version", "1.0");
        if (mail.Attachment is not { } attachment)
        {
            TextPart(text, mail.Body);
            return Encoding.UTF8.GetBytes(text.ToString());
        }

        var boundary = $"=_{mail.Id:N}";
        Header(text, "Content-Type", $"multipart/mixed; boundary=\"{boundary}\"");
        text.Append($"\r\n--{boundary}\r\n");
        TextPart(text, mail.Body);
        text.Append($"--{boundary}\r\n");
        AttachmentPart(text, attachment);
        text.Append($"--{boundary}--\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    public static string TypeOf(MailAttachment attachment) =>
        attachment.FileName.EndsWith(".pdf", StringComparison.OrdinalIgnoreCase) ? "application/pdf" : "application/octet-stream";

    static void TextPart(StringBuilder text, string body)
    {
        var lines = body.ReplaceLineEndings("\r\n").TrimEnd('\r', '\n') + "\r\n";
        // Left as it is whenever a line may be that long: the file is then read as easily as the mail.
        var asItIs = lines.Split("\r\n").All(line => Encoding.UTF8.GetByteCount(line) <= LongestLine);
        Header(text, "Content-Type", "text/plain; charset=utf-8");
        Header(text, "Content-Transfer-Encoding", !asItIs ? "base64" : Ascii.IsValid(lines) ? "7bit" : "8bit");
        text.Append("\r\n").Append(asItIs ? lines : Base64(Encoding.UTF8.GetBytes(lines)));
    }

    static void AttachmentPart(StringBuilder text, MailAttachment attachment)
    {
        var plain = new string([.. attachment.FileName.Select(c => c is >= ' ' and <= '~' and not '"' and not '\\' ? c : '_')]);
        var extended = plain == attachment.FileName ? "" : $"; filename*=UTF-8''{Uri.EscapeDataString(attachment.FileName)}";
        Header(text, "Content-Type", TypeOf(attachment));
        Header(text, "Content-Transfer-Encoding", "base64");
        Header(text, "Content-Disposition", $"attachment; filename=\"{plain}\"{extended}");
        text.Append("\r\n").Append(Base64(attachment.Content));
    }

    static string Base64(byte[] bytes) => Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks).ReplaceLineEndings("\r\n") + "\r\n";

    static void Header(StringBuilder text, string name, string value) => text.Append(name).Append(": ").Append(value).Append("\r\n");

    // A line break in a value would begin a header of the value's own.
    static string OneLine(string value) =>
        value.Any(char.IsControl) ? throw new FormatException("An address or subject of a mail contains a control character.") : value;

    // RFC 2047, only where it is needed; no character is cut in two.
    static string Words(string value)
    {
        if (Ascii.IsValid(value) && value.Length < LongestLine / 2)
        {
            return value;
        }

        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in value.EnumerateRunes())
        {
            if (Encoding.UTF8.GetByteCount(word.ToString()) + rune.Utf8SequenceLength > BytesInWord)
            {
                words.Add(word.ToString());
                word.Clear();
            }

            word.Append(rune);
        }

        return string.Join("\r\n ", words.Append(word.ToString()).Select(part => $"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(part))}?="));
    }
}
