using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Local.Demo;

/// <summary>The mailbox of everybody in a sandbox: one .eml file for each mail (RFC 5322).</summary>
sealed partial class MailFolder(string path)
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public int Count => Mails().Count();

    /// <summary>Waits for a mail that links to <paramref name="page"/>.</summary>
    /// <returns>The whole link.</returns>
    public async Task<string> LinkAsync(string recipient, string page, CancellationToken ct)
    {
        for (var waited = TimeSpan.Zero; waited < Patience; waited += Pause)
        {
            foreach (var mail in Mails().Select(File.ReadAllText).Where(mail => To(mail) == recipient))
            {
                if (Link().Matches(Body(mail)).FirstOrDefault(link => new Uri(link.Value).AbsolutePath == page) is { } link)
                {
                    return link.Value;
                }
            }

            await Task.Delay(Pause, ct);
        }

        throw new DemoFailureException($"No mail to {recipient} with a link to {page} came to {path} within {Patience.TotalSeconds:0} seconds.");
    }

    IEnumerable<string> Mails() => Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.eml") : [];

    static string To(string mail) => Recipient().Match(mail).Groups["address"].Value;

    static string Body(string mail)
    {
        var body = mail[(mail.ReplaceLineEndings("\n").IndexOf("\n\n", StringComparison.Ordinal) + 1)..];
        return Base64().IsMatch(mail) ? Encoding.UTF8.GetString(Convert.FromBase64String(body)) : body;
    }

    [GeneratedRegex(@"^To:.*?(?<address>[^\s<>]+@[^\s<>]+)", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Recipient();

    [GeneratedRegex("^Content-Transfer-Encoding: base64", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Base64();

    [GeneratedRegex(@"https?://\S+")]
    private static partial Regex Link();
}
