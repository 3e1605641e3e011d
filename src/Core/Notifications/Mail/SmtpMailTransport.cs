using System.Net.Security;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace ControlPlane.Notifications.Mail;

/// <summary>The mail server that relays our messages.</summary>
/// <param name="Tls">Whether the connection must be encrypted: by STARTTLS, on port 465 from the start (RFC 8314).</param>
public sealed record SmtpServer(string Host, int Port, string? User, string? Password, bool Tls)
{
    /// <summary>Added to every message. Services such as SES read their options from headers: <c>X-SES-CONFIGURATION-SET</c>.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>null: the server's certificate must be issued for its name by an authority the machine trusts.</summary>
    public RemoteCertificateValidationCallback? CertificateValidation { get; init; }

    public SecureSocketOptions Security => !Tls ? SecureSocketOptions.None : Port == 465 ? SecureSocketOptions.SslOnConnect : SecureSocketOptions.StartTls;
}

/// <summary>Sends each message over a connection of its own.</summary>
public sealed partial class SmtpMailTransport(SmtpServer server) : IMailTransport
{
    /// <summary>Until the server is ready to accept messages.</summary>
    static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>For one message, from its sender to the server's last answer.</summary>
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(1);

    public SmtpServer Server => server;

    public async Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        using var message = MimeMessageFactory.Create(mail);
        foreach (var (name, value) in server.Headers)
        {
            message.Headers.Add(name, value);
        }

        using var client = new SmtpClient
        {
            ServerCertificateValidationCallback = server.CertificateValidation,
            // Networks that reach only the mail server cannot reach the authorities' revocation lists.
            CheckCertificateRevocation = false,
        };
        var isReady = false;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(ConnectTimeout);
        try
        {
            if (await ConnectAsync(client, timeout.Token) is { } unavailable)
            {
                return unavailable;
            }

            isReady = true;
            timeout.CancelAfter(Timeout);
            return await SendAsync(client, message, timeout.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // A server that was ready may be waiting for the recipient's: that concerns this message only.
            return isReady
                ? new SendResult.Rejected($"{server.Host} did not accept the message within {Timeout.TotalSeconds} s.")
                : new SendResult.Unavailable($"{server.Host} was not ready within {ConnectTimeout.TotalSeconds} s.");
        }
    }

    /// <returns>null when the server is ready to accept messages.</returns>
    async Task<SendResult?> ConnectAsync(SmtpClient client, CancellationToken ct)
    {
        try
        {
            await client.ConnectAsync(server.Host, server.Port, server.Security, ct);
            if (server.User is not null)
            {
                await client.AuthenticateAsync(server.User, server.Password ?? "", ct);
            }

            return null;
        }
        catch (Exception e) when (IsServerFailure(e))
        {
            return Unavailable(e);
        }
    }

    static async Task<SendResult> SendAsync(SmtpClient client, MimeMessage message, CancellationToken ct)
    {
        const SmtpCapabilities International = SmtpCapabilities.UTF8 | SmtpCapabilities.EightBitMime;
        var format = FormatOptions.Default.Clone();
        format.International = message.RequiresSmtpUtf8();
        if (!format.International)
        {
            // With SMTPUTF8, the next server must support it too. Punycode domains and encoded headers are accepted everywhere.
            client.Capabilities &= ~SmtpCapabilities.UTF8;
            message.Prepare(EncodingConstraint.SevenBit);
        }
        else if ((client.Capabilities & International) != International)
        {
            return new SendResult.Undeliverable("The part of the address before the @ is not ASCII, which the mail server does not support (SMTPUTF8).");
        }

        try
        {
            await client.SendAsync(format, message, ct);
        }
        catch (SmtpCommandException e) when (ConcernsAddress(e))
        {
            return new SendResult.AddressRefused(e.Message);
        }
        catch (SmtpCommandException e) when (IsRefusedForGood(e))
        {
            return new SendResult.Undeliverable(e.Message);
        }
        catch (SmtpCommandException e) when (ConcernsMessage(e))
        {
            return new SendResult.Rejected(e.Message);
        }
        catch (Exception e) when (IsServerFailure(e))
        {
            return Unavailable(e);
        }

        // The message is accepted, whatever becomes of the connection.
        using var quit = new CancellationTokenSource(QuitTimeout);
        await client.DisconnectAsync(quit: true, quit.Token);
        return new SendResult.Sent();
    }

    // RFC 3463: X.1.… is about the address, X.2.1 a disabled mailbox; X.7.… is a policy of the server, which may change.
    static bool ConcernsAddress(SmtpCommandException e) => e.ErrorCode == SmtpErrorCode.RecipientNotAccepted && (int)e.StatusCode is >= 550 and < 560
        && EnhancedCode().Match(e.Message).Value is "5.1.1" or "5.1.2" or "5.1.3" or "5.1.6" or "5.1.10" or "5.2.1";

    // Without such a code the reply may be about the mailbox or about us ("550 sending limit exceeded"): an operator decides, and the address gets other mail.
    static bool IsRefusedForGood(SmtpCommandException e) => e.ErrorCode == SmtpErrorCode.RecipientNotAccepted && (int)e.StatusCode is 550 or 551 or 553
        && !EnhancedCode().IsMatch(e.Message) && !e.Message.Contains("relay", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\A5\.\d{1,3}\.\d{1,3}\b")]
    private static partial Regex EnhancedCode();

    // Anything else, such as 421 or SES' 454 "sending rate exceeded", would be the answer to any message.
    static bool ConcernsMessage(SmtpCommandException e) => e.ErrorCode == SmtpErrorCode.RecipientNotAccepted
        ? (int)e.StatusCode is not (421 or (>= 530 and < 540))
        : e.StatusCode is SmtpStatusCode.MailboxBusy or SmtpStatusCode.SyntaxError or SmtpStatusCode.MailboxUnavailable
            or SmtpStatusCode.UserNotLocalTryAlternatePath or SmtpStatusCode.ExceededStorageAllocation or SmtpStatusCode.MailboxNameNotAllowed
            or SmtpStatusCode.TransactionFailed;

    // NotSupportedException: no STARTTLS, or no common way to authenticate.
    static bool IsServerFailure(Exception e) => e is SocketException or IOException or CommandException or ProtocolException or SslHandshakeException
        or AuthenticationException or SaslException or ServiceNotConnectedException or ServiceNotAuthenticatedException or NotSupportedException;

    // A failed handshake's own message is a page of advice.
    static SendResult.Unavailable Unavailable(Exception e) => new((e as SslHandshakeException)?.InnerException?.Message ?? e.Message);
}
