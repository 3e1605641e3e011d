using System.Text.RegularExpressions;
using MimeKit;

namespace ControlPlane.Tests.Support;

/// <summary>A mail as its recipient reads it.</summary>
public sealed partial record ReceivedMail(string File, string MessageId, string To, string Subject, string Body, IReadOnlyDictionary<string, byte[]> Attachments)
{
    /// <summary>The first link in the text that contains <paramref name="part"/>.</summary>
    public Uri Link(string part) => new(Links().Matches(Body).Select(match => match.Value).First(link => link.Contains(part, StringComparison.Ordinal)));

    public static ReceivedMail Read(string file)
    {
        using var message = MimeMessage.Load(file);
        return new ReceivedMail(
            file, message.MessageId!, message.To.Mailboxes.Single().GetAddress(idnEncode: true), message.Subject!, message.TextBody!.ReplaceLineEndings("\n"),
            message.Attachments.Cast<MimePart>().ToDictionary(part => part.FileName!, Decode));
    }

    static byte[] Decode(MimePart part)
    {
        using var content = new MemoryStream();
        part.Content!.DecodeTo(content);
        return content.ToArray();
    }

    [GeneratedRegex(@"https?://\S+")]
    private static partial Regex Links();
}
