using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ControlPlane.Tests.Aws;

/// <summary>Speaks SMTP as SES does on port 587: STARTTLS before anything else, then AUTH LOGIN, then mail.</summary>
sealed class SesStandIn : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly X509Certificate2 _certificate;
    readonly CancellationTokenSource _stop = new();
    readonly Task _serving;

    public SesStandIn(X509Certificate2 certificate)
    {
        _certificate = certificate;
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public bool OffersTls { get; init; } = true;

    /// <summary>Replies that replace the usual ones, by command: <c>["DATA end"] = "454 Throttling failure"</c>.</summary>
    public Dictionary<string, string> Says { get; init; } = [];

    /// <summary>User and password of the last sign-in.</summary>
    public (string User, string Password)? SignedIn { get; private set; }

    /// <summary>Lines received before the connection was encrypted.</summary>
    public List<string> InTheClear { get; } = [];

    public List<string> Mails { get; } = [];

    async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                try
                {
                    await TalkAsync(client.GetStream());
                }
                catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
                {
                    // The client closed the connection, as it does if it does not trust the certificate.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }

    async Task TalkAsync(Stream stream)
    {
        var (isEncrypted, isSignedIn) = (false, false);
        var (reader, writer) = Lines(stream);
        await SayAsync("220 email-smtp.amazonaws.com ESMTP SimpleEmailService");
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            if (!isEncrypted)
            {
                InTheClear.Add(line);
            }

            switch (line.Split(' ')[0].ToUpperInvariant())
            {
                case "EHLO" or "HELO":
                    await SayAsync("250-email-smtp.amazonaws.com", "250-8BITMIME", !isEncrypted && OffersTls ? "250-STARTTLS" : "250-SIZE 41943040", isEncrypted ? "250-AUTH PLAIN LOGIN" : "250-HELP", "250 Ok");
                    break;
                case "STARTTLS":
                    await SayAsync("220 Ready to start TLS");
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
                    isEncrypted = true;
                    (reader, writer) = Lines(secure);
                    break;
                case "AUTH" when isEncrypted:
                    var user = line.Split(' ').ElementAtOrDefault(2) ?? await AskAsync("VXNlcm5hbWU6");
                    SignedIn = (Text(user), Text(await AskAsync("UGFzc3dvcmQ6")));
                    isSignedIn = !Says.TryGetValue("AUTH", out var refusal);
                    await SayAsync(refusal ?? "235 Authentication successful.");
                    break;
                case "MAIL" or "RCPT":
                    await SayAsync(Says.GetValueOrDefault(line[..4], isSignedIn ? "250 Ok" : isEncrypted ? "530 Authentication required" : "530 Must issue a STARTTLS command first"));
                    break;
                case "DATA":
                    await SayAsync("354 End data with <CR><LF>.<CR><LF>");
                    var mail = new StringBuilder();
                    while (await reader.ReadLineAsync(_stop.Token) is { } text && text != ".")
                    {
                        mail.Append(text).Append('\n');
                    }

                    var reply = Says.GetValueOrDefault("DATA end", "250 Ok 0102017e-EXAMPLE");
                    if (reply.StartsWith("250", StringComparison.Ordinal))
                    {
                        Mails.Add(mail.ToString());
                    }

                    await SayAsync(reply);
                    break;
                case "QUIT":
                    await SayAsync("221 Bye");
                    return;
                default:
                    await SayAsync("502 Not implemented");
                    break;
            }
        }

        async Task SayAsync(params string[] lines) => await writer.WriteAsync(string.Concat(lines.Select(text => $"{text}\r\n")));

        async Task<string> AskAsync(string challenge)
        {
            await SayAsync($"334 {challenge}");
            return await reader.ReadLineAsync(_stop.Token) ?? "";
        }
    }

    static (StreamReader, StreamWriter) Lines(Stream stream) => (new StreamReader(stream, Encoding.UTF8), new StreamWriter(stream, new UTF8Encoding(false)) { AutoFlush = true });

    static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }
}
