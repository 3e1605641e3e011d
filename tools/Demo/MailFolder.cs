using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MimeKit;

namespace ControlPlane.Demo;

/// <summary>The shared mailbox of a sandbox: one .eml file per message (RFC 5322).</summary>
sealed partial class MailFolder(string path)
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);
    static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    public int Count => Mails().Count();

    /// <summary>All mails, oldest first, by the platform's time.</summary>
    public IReadOnlyList<ReceivedMail> Read() => [.. Mails().Order(StringComparer.Ordinal).Select(file =>
    {
        using var mail = MimeMessage.Load(file);
        return new ReceivedMail(mail.To.Mailboxes.Single().Address, mail.Subject ?? "", DateTimeOffset.ParseExact(
            Path.GetFileName(file)[..16], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
    })];

    /// <summary>Waits for an email that links to <paramref name="page"/>.</summary>
    /// <returns>The full link.</returns>
    public async Task<string> LinkAsync(string recipient, string page, CancellationToken ct)
    {
        for (var waited = TimeSpan.Zero; waited < Timeout; waited += PollInterval)
        {
            foreach (var mail in Mails().Select(File.ReadAllText).Where(mail => To(mail) == recipient))
            {
                if (Link().Matches(Body(mail)).FirstOrDefault(link => new Uri(link.Value).AbsolutePath == page) is { } link)
                {
                    return link.Value;
                }
            }

            await Task.Delay(PollInterval, ct);
        }

        throw new CommandFailedException($"No email to {recipient} with a link to {page} arrived in {path} within {Timeout.TotalSeconds:0} seconds.");
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

/// <param name="At">When it was written.</param>
public sealed record ReceivedMail(string To, string Subject, DateTimeOffset At);
