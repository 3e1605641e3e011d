using System.Text;
using MimeKit;

namespace ControlPlane.Tests.Notifications.Mail;

public class MimeMessageFactoryTests
{
    static readonly OutgoingMail Plain = new(
        Guid.Parse("01900000-0000-7000-8000-000000000001"), "billing@example.com", "ada@example.org", "Your invoice", "Hello,\nsee https://example.com/a?b=c.\n",
        Attachment: null, new DateTimeOffset(2026, 2, 1, 9, 5, 0, TimeSpan.Zero));

    [Fact]
    public void A_plain_message_is_readable_as_text() => Assert.Equal(
        """
        From: billing@example.com
        Date: Sun, 01 Feb 2026 09:05:00 +0000
        Subject: Your invoice
        Message-Id: <01900000-0000-7000-8000-000000000001@example.com>
        To: ada@example.org
        Auto-Submitted: auto-generated
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: 7bit

        Hello,
        see https://example.com/a?b=c.

        """.ReplaceLineEndings("\r\n"),
        Text(Plain));

    [Fact]
    public void Letters_of_any_alphabet_survive_in_subject_and_text()
    {
        var subject = "Rechnung für Ελένη и Дмитрий: 9,90 € " + new string('ü', 100);
        var text = Text(Plain with { Subject = subject, Body = "Grüße" });
        Assert.Contains("Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n", text, StringComparison.Ordinal);
        Assert.All(text.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));
        Assert.True(Ascii.IsValid(text.Split("\r\n\r\n")[0]));
        Assert.Equal(subject, Parse(text).Subject);
    }

    [Fact]
    public void A_line_too_long_for_mail_is_encoded()
    {
        var text = Text(Plain with { Body = new string('x', 2000) });
        Assert.All(text.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));
        Assert.Equal(new string('x', 2000), Parse(text).TextBody!.TrimEnd());
    }

    [Fact]
    public void An_attachment_survives_byte_for_byte()
    {
        byte[] content = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        var mail = Plain with { Attachment = new MailAttachment("Rechnung-№1.pdf", content) };
        var attachment = (MimePart)Assert.Single(Parse(Text(mail)).Attachments);
        Assert.Equal(("application/pdf", "Rechnung-№1.pdf"), (attachment.ContentType.MimeType, attachment.FileName));
        using var decoded = new MemoryStream();
        attachment.Content!.DecodeTo(decoded);
        Assert.Equal(content, decoded.ToArray());
    }

    [Fact]
    public void HTML_is_the_preferred_alternative_to_the_text_and_the_attachment_belongs_to_both()
    {
        var mail = Plain with { Html = "<p>Grüße</p>", Attachment = new MailAttachment("a.pdf", [1, 2, 3]) };
        var message = Parse(Text(mail));
        Assert.Equal(("Hello,\nsee https://example.com/a?b=c.\n", "<p>Grüße</p>\n"), (message.TextBody!.ReplaceLineEndings("\n"), message.HtmlBody!.ReplaceLineEndings("\n")));
        var alternatives = Assert.IsType<MultipartAlternative>(((Multipart)message.Body!)[0]);
        Assert.Equal(["text/plain", "text/html"], alternatives.Select(part => part.ContentType.MimeType));
        Assert.Single(message.Attachments);
        Assert.Equal(Text(mail), Text(mail));
    }

    [Fact]
    public void The_same_mail_yields_the_same_bytes()
    {
        var mail = Plain with { Subject = "Grüße", Attachment = new MailAttachment("a.pdf", [1, 2, 3]) };
        Assert.Equal(Text(mail), Text(mail));
    }

    [Theory]
    [InlineData("ada@müller.example", "ada@xn--mller-kva.example", false)]
    [InlineData("ada@xn--mller-kva.example", "ada@xn--mller-kva.example", false)]
    [InlineData("jürgen@example.org", "jürgen@example.org", true)]
    public void An_international_domain_is_sent_in_punycode_and_only_the_part_before_the_at_sign_requires_SMTPUTF8(string to, string sent, bool required)
    {
        using var message = MimeMessageFactory.Create(Plain with { To = to });
        Assert.Equal(required, message.RequiresSmtpUtf8());
        Assert.Equal(sent, message.To.Mailboxes.Single().GetAddress(idnEncode: true));
    }

    [Fact]
    public void The_message_id_of_an_international_sender_is_ASCII() =>
        Assert.Equal("01900000-0000-7000-8000-000000000001@xn--mller-kva.example", (Plain with { From = "billing@müller.example" }).MessageId);

    [Theory]
    [InlineData("a@example.org\r\nBcc: everyone@example.org", "Hello")]
    [InlineData("a@example.org, everyone@example.org", "Hello")]
    [InlineData("a@example.org", "Hello\nBcc: everyone@example.org")]
    [InlineData("a@example.org", "Hello\r\n Bcc: everyone@example.org")]
    public void Addresses_and_subjects_cannot_inject_headers_or_recipients(string to, string subject) =>
        Assert.ThrowsAny<FormatException>(() => Text(Plain with { To = to, Subject = subject }));

    static string Text(OutgoingMail mail)
    {
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        using var text = new MemoryStream();
        using var message = MimeMessageFactory.Create(mail);
        message.WriteTo(format, text);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    static MimeMessage Parse(string text) => MimeMessage.Load(new MemoryStream(Encoding.UTF8.GetBytes(text)));
}
