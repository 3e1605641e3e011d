using System.Text;

namespace ControlPlane.Tests.Notifications.Mail;

public class MimeTextTests
{
    static readonly OutgoingMail Plain = new(
        Guid.Parse("01900000-0000-7000-8000-000000000001"), "billing@example.com", "ada@example.org", "Your invoice", "Hello,\nsee https://example.com/a?b=c.\n",
        Attachment: null, new DateTimeOffset(2026, 2, 1, 9, 5, 0, TimeSpan.Zero));

    [Fact]
    public void A_plain_message_reads_as_it_was_written() => Assert.Equal(
        """
        Date: Sun, 01 Feb 2026 09:05:00 +0000
        From: billing@example.com
        To: ada@example.org
        Message-ID: <01900000-0000-7000-8000-000000000001@example.com>
        Subject: Your invoice
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
        var lines = text.Split("\r\n").SkipWhile(line => !line.StartsWith("Subject: ", StringComparison.Ordinal)).TakeWhile(line => line.Contains("=?", StringComparison.Ordinal)).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 84));
        Assert.Equal(subject, string.Concat(lines.Select(line => line[(line.IndexOf("?B?", StringComparison.Ordinal) + 3)..^2]).Select(word => Encoding.UTF8.GetString(Convert.FromBase64String(word)))));
    }

    [Fact]
    public void A_line_too_long_for_mail_is_encoded()
    {
        var text = Text(Plain with { Body = new string('x', 2000) });
        Assert.Contains("Content-Transfer-Encoding: base64", text, StringComparison.Ordinal);
        Assert.All(text.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));
    }

    [Fact]
    public void An_attachment_comes_back_byte_for_byte()
    {
        byte[] content = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        var mail = Plain with { Attachment = new MailAttachment("Rechnung-№1.pdf", content) };
        var text = Text(mail);
        Assert.Contains("Content-Type: application/pdf", text, StringComparison.Ordinal);
        Assert.Contains("filename=\"Rechnung-_1.pdf\"; filename*=UTF-8''Rechnung-%E2%84%961.pdf", text, StringComparison.Ordinal);
        Assert.Equal(content, Convert.FromBase64String(text.Split("\r\n\r\n")[^1].Split("\r\n--")[0]));
        Assert.Equal(text, Text(mail));
    }

    [Theory]
    [InlineData("a@example.org\r\nBcc: everyone@example.org", "Hello")]
    [InlineData("a@example.org", "Hello\nBcc: everyone@example.org")]
    [InlineData("a@example.org", "Hello\r\n Bcc: everyone@example.org")]
    public void Nobody_smuggles_a_header_in(string to, string subject) => Assert.Throws<FormatException>(() => Text(Plain with { To = to, Subject = subject }));

    static string Text(OutgoingMail mail) => Encoding.UTF8.GetString(MimeText.Write(mail));
}
