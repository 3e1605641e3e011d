using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ControlPlane.Tests.Support;

/// <summary>A mail server on the loopback interface that accepts every message, unless it is told what to reply instead.</summary>
sealed class FakeSmtpServer : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly Task _serving;

    public FakeSmtpServer()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>With a certificate, STARTTLS is offered and required, and so is authentication after it.</summary>
    public X509Certificate2? Certificate { get; init; }

    public string Greeting { get; init; } = "220 mail.example.com ESMTP";

    public IReadOnlyList<string> Extensions { get; init; } = ["8BITMIME", "PIPELINING"];

    /// <summary>Replies by command, such as <c>["RCPT"] = "550 Mailbox unavailable"</c>, or by a whole line such as <c>RCPT TO:&lt;a@example.org&gt;</c>;
    /// <c>DATA end</c> is the reply to a message. An empty reply closes the connection.</summary>
    public Dictionary<string, string> Replies { get; init; } = [];

    /// <summary>Whether a line is never answered; <c>DATA end</c> is the end of a message.</summary>
    public Func<string, bool> Hangs { get; set; } = _ => false;

    /// <summary>User name and password of the last client that authenticated.</summary>
    public (string User, string Password)? SignedIn { get; private set; }

    public ConcurrentQueue<string> Commands { get; } = [];

    /// <summary>The commands received before encryption.</summary>
    public ConcurrentQueue<string> CommandsInClear { get; } = [];

    /// <summary>The accepted messages, with \n for line breaks.</summary>
    public ConcurrentQueue<string> Mails { get; } = [];

    async Task ServeAsync()
    {
        var conversations = new List<Task>();
        try
        {
            while (true)
            {
                conversations.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }

        await Task.WhenAll(conversations);
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await new Conversation(this, client.GetStream()).RunAsync(_stop.Token);
            }
            catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException)
            {
                // The client hung up, for example because it does not trust the certificate, or the test is over.
            }
        }
    }

    sealed class Conversation(FakeSmtpServer server, Stream stream)
    {
        StreamReader _reader = Reader(stream);
        Stream _stream = stream;
        bool _isEncrypted;
        bool _isSignedIn = server.Certificate is null;

        public async Task RunAsync(CancellationToken ct)
        {
            await SayAsync(server.Greeting);
            while (await _reader.ReadLineAsync(ct) is { } line)
            {
                server.Commands.Enqueue(line);
                if (!_isEncrypted)
                {
                    server.CommandsInClear.Enqueue(line);
                }

                await HangAsync(line, ct);
                var command = line.Split(' ')[0].ToUpperInvariant();
                var reply = server.Replies.GetValueOrDefault(line, server.Replies.GetValueOrDefault(command, await ReplyAsync(command, line, ct)));
                if (reply.Length == 0)
                {
                    return;
                }

                await SayAsync(reply);
                if (reply.StartsWith("354", StringComparison.Ordinal) && !await ReceiveAsync(ct))
                {
                    return;
                }

                if (command == "STARTTLS")
                {
                    await EncryptAsync(ct);
                }
            }
        }

        Task HangAsync(string line, CancellationToken ct) => server.Hangs(line) ? Task.Delay(Timeout.Infinite, ct) : Task.CompletedTask;

        async Task<string> ReplyAsync(string command, string line, CancellationToken ct) => command switch
        {
            "EHLO" => string.Join("\r\n", ((string[])["mail.example.com", .. server.Extensions, .. Offers()]).Select(text => $"250-{text}")) + "\r\n250 HELP",
            "STARTTLS" => "220 Ready to start TLS",
            "AUTH" => await AuthenticateAsync(line, ct),
            "MAIL" or "RCPT" when !_isSignedIn => _isEncrypted ? "530 Authentication required" : "530 Must issue a STARTTLS command first",
            "MAIL" or "RCPT" or "RSET" => "250 Ok",
            "DATA" => "354 End data with <CR><LF>.<CR><LF>",
            "QUIT" => "221 Bye",
            _ => "502 Not implemented",
        };

        string[] Offers() => server.Certificate is null ? [] : _isEncrypted ? ["AUTH LOGIN"] : ["STARTTLS"];

        async Task<string> AuthenticateAsync(string line, CancellationToken ct)
        {
            var user = line.Split(' ').ElementAtOrDefault(2) ?? await AskAsync("Username:", ct);
            server.SignedIn = (Text(user), Text(await AskAsync("Password:", ct)));
            _isSignedIn = true;
            return "235 Authentication successful";
        }

        /// <returns>False when the connection is to be closed before the end of the message.</returns>
        async Task<bool> ReceiveAsync(CancellationToken ct)
        {
            var reply = server.Replies.GetValueOrDefault("DATA end", "250 Ok");
            var mail = new StringBuilder();
            while (await _reader.ReadLineAsync(ct) is { } text && text != ".")
            {
                if (reply.Length == 0)
                {
                    return false;
                }

                mail.Append(text.StartsWith('.') ? text[1..] : text).Append('\n');
            }

            if (reply.StartsWith("250", StringComparison.Ordinal))
            {
                server.Mails.Enqueue(mail.ToString());
            }

            await HangAsync("DATA end", ct);
            await SayAsync(reply);
            return true;
        }

        async Task EncryptAsync(CancellationToken ct)
        {
            var encrypted = new SslStream(_stream);
            await encrypted.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = server.Certificate }, ct);
            (_isEncrypted, _stream, _reader) = (true, encrypted, Reader(encrypted));
        }

        async Task<string> AskAsync(string question, CancellationToken ct)
        {
            await SayAsync($"334 {Convert.ToBase64String(Encoding.UTF8.GetBytes(question))}");
            return await _reader.ReadLineAsync(ct) ?? "";
        }

        async Task SayAsync(string lines) => await _stream.WriteAsync(Encoding.UTF8.GetBytes($"{lines}\r\n"));

        static StreamReader Reader(Stream stream) => new(stream, Encoding.UTF8);

        static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }
}
