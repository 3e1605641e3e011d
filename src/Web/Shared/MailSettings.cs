using System.Text.RegularExpressions;
using MimeKit;

namespace ControlPlane.Web.Shared;

/// <summary>How mail is sent: the settings CONTROLPLANE_SMTP, CONTROLPLANE_MAIL_HEADERS and CONTROLPLANE_MAIL_FROM.</summary>
static partial class MailSettings
{
    const int SubmissionPort = 587;

    /// <exception cref="SettingException">The setting is invalid. The message never contains it, because it holds a password.</exception>
    public static IMailTransport Transport(IConfiguration configuration, ControlPlaneOptions options) =>
        configuration["CONTROLPLANE_SMTP"] is { Length: > 0 } smtp
            ? new SmtpMailTransport(Server(smtp) with { Headers = Headers(configuration["CONTROLPLANE_MAIL_HEADERS"]) })
            : new FileMailTransport(Path.Combine(options.DataDirectory, "mail"));

    public static MailSender Sender(IConfiguration configuration, ControlPlaneOptions options)
    {
        var address = configuration["CONTROLPLANE_MAIL_FROM"] ?? $"billing@{options.Domain}";
        return MailboxAddress.TryParse(address, out var mailbox) && (mailbox.Address == address || mailbox.GetAddress(idnEncode: true) == address)
            ? new MailSender(address)
            : throw new SettingException($"CONTROLPLANE_MAIL_FROM is \"{address}\": use a plain address, e.g. billing@example.com.");
    }

    static Dictionary<string, string> Headers(string? value)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var header in value?.Split('|', StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            var parts = header.Split(':', 2, StringSplitOptions.TrimEntries);
            if (!ExtraHeader().IsMatch(parts[0]) || parts is not [_, { Length: > 0 } text] || text.Any(c => c is < ' ' or > '~'))
            {
                throw new SettingException($"CONTROLPLANE_MAIL_HEADERS has \"{header}\": use headers whose names begin with X-, separated by |, e.g. X-SES-CONFIGURATION-SET: news.");
            }

            headers[parts[0]] = text;
        }

        return headers;
    }

    [GeneratedRegex("^[Xx]-[A-Za-z0-9-]+$")]
    private static partial Regex ExtraHeader();

    static SmtpServer Server(string value)
    {
        if (!Uri.TryCreate(value, UriKind.Absolute, out var server) || server.Scheme != "smtp" || server.Host.Length == 0)
        {
            throw new SettingException(
                "CONTROLPLANE_SMTP must look like smtp://user:password@mail.example.com:587; the connection is encrypted by STARTTLS, or from the start on port 465. For a server on the same machine without TLS add ?tls=off.");
        }

        var login = server.UserInfo.Split(':', 2);
        return new SmtpServer(
            server.IdnHost, server.Port > 0 ? server.Port : SubmissionPort,
            login[0].Length == 0 ? null : Uri.UnescapeDataString(login[0]), login.Length < 2 ? null : Uri.UnescapeDataString(login[1]),
            Tls: server.Query != "?tls=off");
    }
}
