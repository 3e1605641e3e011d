using System.Security.Cryptography.X509Certificates;

namespace ControlPlane.Tests.Aws;

/// <summary>Mail to a server that behaves like SES, from the setting that infra creates to the result that the outbox acts on.</summary>
public sealed class SesMailTests : IDisposable
{
    // SES passwords are base64, with characters that a URL has to escape.
    const string Password = "BKf/oOqdA2+H8bFvK1nTSdZTxZd2xN0lkvn5Q3Vgd0c=";

    readonly Authority _authority = new();

    [Fact]
    public async Task Mail_is_sent_over_an_encrypted_and_authenticated_connection()
    {
        await using var ses = Ses();
        Assert.IsType<SendResult.Sent>(await SendAsync(ses, "X-SES-CONFIGURATION-SET: prod-mail|X-SES-MESSAGE-TAGS: kind=billing"));
        Assert.Equal(("AKIAIOSFODNN7EXAMPLE", Password), ses.SignedIn);
        Assert.DoesNotContain(ses.CommandsInClear, line => line.Contains("AUTH", StringComparison.Ordinal) || line.Contains("MAIL", StringComparison.Ordinal));
        var mail = Assert.Single(ses.Mails);
        Assert.Contains("X-SES-CONFIGURATION-SET: prod-mail\n", mail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-SES-MESSAGE-TAGS: kind=billing\n", mail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Message-ID: <0198f0a0-0000-7000-8000-000000000002@example.com>\n", mail, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("DATA end", "454 Throttling failure: Maximum sending rate exceeded.")]
    [InlineData("DATA end", "454 Throttling failure: Daily message quota exceeded.")]
    [InlineData("MAIL", "421 Too many concurrent SMTP connections")]
    [InlineData("AUTH", "454 Temporary authentication failure")]
    [InlineData("AUTH", "535 Authentication Credentials Invalid")]
    [InlineData("DATA end", "451 Requested action aborted: error in processing")]
    public async Task An_error_that_concerns_all_mail_pauses_the_outbox(string command, string reply)
    {
        await using var ses = Ses(replies: new() { [command] = reply });
        var unavailable = Assert.IsType<SendResult.Unavailable>(await SendAsync(ses));
        Assert.DoesNotContain(Password, unavailable.Reason, StringComparison.Ordinal);
        Assert.Empty(ses.Mails);
    }

    [Theory]
    [InlineData("DATA end", "554 Message rejected: Email address is not verified.")]
    [InlineData("DATA end", "552 Message is too long.")]
    public async Task An_error_of_one_mail_does_not_block_the_others(string command, string reply)
    {
        await using var ses = Ses(replies: new() { [command] = reply });
        Assert.IsType<SendResult.Rejected>(await SendAsync(ses));
    }

    [Fact]
    public async Task An_address_that_does_not_exist_is_told_apart()
    {
        await using var ses = Ses(replies: new() { ["RCPT"] = "550 5.1.1 Mailbox unavailable" });
        Assert.IsType<SendResult.AddressRefused>(await SendAsync(ses));
    }

    [Fact]
    public async Task A_server_without_TLS_gets_neither_credentials_nor_mail()
    {
        await using var ses = Ses(replies: new() { ["EHLO"] = "250-email-smtp.amazonaws.com\r\n250-AUTH PLAIN LOGIN\r\n250 Ok" });
        Assert.IsType<SendResult.Unavailable>(await SendAsync(ses));
        Assert.Null(ses.SignedIn);
        Assert.DoesNotContain(ses.CommandsInClear, line => line.StartsWith("AUTH", StringComparison.Ordinal) || line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_with_a_certificate_for_another_name_gets_no_credentials()
    {
        await using var impostor = Ses("impostor.example");
        Assert.IsType<SendResult.Unavailable>(await SendAsync(impostor));
        Assert.Null(impostor.SignedIn);
    }

    [Theory]
    [InlineData("X-SES-CONFIGURATION-SET")]
    [InlineData("X-Empty: ")]
    [InlineData("Bcc: all@example.com")]
    [InlineData("X-Two: a\r\nBcc: all@example.com")]
    public void An_invalid_header_prevents_the_start(string headers)
    {
        var error = Assert.Throws<SettingException>(() => Transport("smtp://localhost", headers));
        Assert.Contains("CONTROLPLANE_MAIL_HEADERS", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _authority.Dispose();

    FakeSmtpServer Ses(string host = "localhost", Dictionary<string, string>? replies = null) => new()
    {
        Certificate = _authority.Certificate(host),
        Greeting = "220 email-smtp.amazonaws.com ESMTP SimpleEmailService",
        Extensions = ["8BITMIME", "SIZE 41943040"],
        Replies = replies ?? [],
    };

    static Task<SendResult> SendAsync(FakeSmtpServer ses, string? headers = null)
    {
        var configured = Transport($"smtp://AKIAIOSFODNN7EXAMPLE:{Uri.EscapeDataString(Password)}@localhost:{ses.Port}", headers);
        var transport = new SmtpMailTransport(configured.Server with
        {
            CertificateValidation = (_, certificate, _, _) => certificate is X509Certificate2 shown && shown.Issuer == "CN=Authority" && shown.MatchesHostname("localhost"),
        });
        return transport.SendAsync(
            new OutgoingMail(Guid.Parse("0198f0a0-0000-7000-8000-000000000002"), "no-reply@example.com", "ada@example.org", "Grüße", "Ein Gruß\n", null, DateTimeOffset.UnixEpoch), default);
    }

    static SmtpMailTransport Transport(string smtp, string? headers)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = "Host=localhost",
            ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
            ["CONTROLPLANE_SMTP"] = smtp,
            ["CONTROLPLANE_MAIL_HEADERS"] = headers,
        }).Build();
        return (SmtpMailTransport)new ServiceCollection().AddControlPlane(configuration).BuildServiceProvider().GetRequiredService<IMailTransport>();
    }
}
