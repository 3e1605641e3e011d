using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Support;

/// <summary>A mail as its recipient reads it.</summary>
public sealed partial record ReceivedMail(string File, string MessageId, string To, string Subject, string Body, IReadOnlyDictionary<string, byte[]> Attachments)
{
    /// <summary>The first address in the text that contains <paramref name="part"/>.</summary>
    public Uri Link(string part) => new(Address().Matches(Body).Select(match => match.Value).First(address => address.Contains(part, StringComparison.Ordinal)));

    public static ReceivedMail Read(string file)
    {
        var whole = Part.Read(System.IO.File.ReadAllText(file, Encoding.UTF8));
        var parts = whole.Parts().ToList();
        return new ReceivedMail(
            file, whole.Header("Message-ID"), whole.Header("To"), Words(whole.Header("Subject")), parts[0].Text(),
            parts.Skip(1).ToDictionary(part => FileName().Match(part.Header("Content-Disposition")).Groups[1].Value, part => Convert.FromBase64String(part.Content)));
    }

    // RFC 2047: encoded words, whose separating white space does not count.
    static string Words(string header) =>
        EncodedWord().Replace(BetweenWords().Replace(header, ""), word => Encoding.UTF8.GetString(Convert.FromBase64String(word.Groups[1].Value)));

    sealed record Part(string Head, string Content)
    {
        public static Part Read(string text)
        {
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            return new Part(text[..end].Replace("\r\n ", " ", StringComparison.Ordinal), text[(end + 4)..]);
        }

        public string Header(string name) =>
            Head.Split("\r\n").FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..] ?? "";

        public IEnumerable<Part> Parts() =>
            Boundary().Match(Header("Content-Type")) is { Success: true } boundary
                ? Content.Split("--" + boundary.Groups[1].Value)[1..^1].Select(part => Read(part[2..]))
                : [this];

        public string Text() =>
            (Header("Content-Transfer-Encoding") == "base64" ? Encoding.UTF8.GetString(Convert.FromBase64String(Content)) : Content).ReplaceLineEndings("\n");
    }

    [GeneratedRegex(@"https?://\S+")]
    private static partial Regex Address();

    [GeneratedRegex("boundary=\"([^\"]+)\"")]
    private static partial Regex Boundary();

    [GeneratedRegex("filename=\"([^\"]+)\"")]
    private static partial Regex FileName();

    [GeneratedRegex(@"=\?utf-8\?B\?([^?]*)\?=")]
    private static partial Regex EncodedWord();

    [GeneratedRegex(@"(?<=\?=)\s+(?==\?)")]
    private static partial Regex BetweenWords();
}
