using System.Text;
namespace ControlPlane.Tests;

/// <summary>Conversations with a mail server, also with one that misbehaves.</summary>
public class SmtpMailTests
{
    static readonly string[] International = ["8BITMIME", "SMTPUTF8"];

    [Fact]
    public async Task A_message_is_delivered_with_its_headers()
    {
        await using var server = new FakeSmtpServer();
        Assert.IsType<SendResult.Sent>(await SendAsync(server));
        Assert.Contains("RCPT TO:<ada@example.org>", server.Commands);
        var mail = Assert.Single(server.Mails);
        Assert.Contains("Message-Id: <0198f0a0-0000-7000-8000-000000000002@example.com>\n", mail, StringComparison.Ordinal);
        Assert.Contains("Auto-Submitted: auto-generated\n", mail, StringComparison.Ordinal);
        Assert.Contains("X-Tag: a\n", mail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RCPT", "554 Recipient refused")]
    [InlineData("RCPT", "552 5.2.2 Mailbox full")]
    [InlineData("RCPT", "550 5.7.1 Message refused by policy")]
    [InlineData("RCPT", "550 Relaying denied")]
    [InlineData("RCPT", "450 Mailbox busy")]
    [InlineData("RCPT", "451 Greylisted, try again later")]
    [InlineData("DATA end", "550 Content rejected")]
    [InlineData("DATA end", "554 Content rejected")]
    public async Task A_refused_recipient_or_content_is_a_failure_of_that_message(string command, string reply)
    {
        await using var server = new FakeSmtpServer { Replies = { [command] = reply } };
        var rejected = Assert.IsType<SendResult.Rejected>(await SendAsync(server));
        Assert.Contains(reply[4..], rejected.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("550 5.1.1 The email account that you tried to reach does not exist")]
    [InlineData("554 5.2.1 The email account that you tried to reach is disabled")]
    public async Task A_permanently_refused_address_is_told_apart(string reply)
    {
        await using var server = new FakeSmtpServer { Replies = { ["RCPT"] = reply } };
        var refused = Assert.IsType<SendResult.AddressRefused>(await SendAsync(server));
        Assert.Contains(reply[4..], refused.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("550 No such user here")]
    [InlineData("550 sending limit exceeded")]
    [InlineData("551 User not local")]
    [InlineData("553 Mailbox name not allowed")]
    public async Task Without_an_enhanced_code_a_permanent_refusal_is_not_taken_for_one_of_the_address(string reply)
    {
        await using var server = new FakeSmtpServer { Replies = { ["RCPT"] = reply } };
        var undeliverable = Assert.IsType<SendResult.Undeliverable>(await SendAsync(server));
        Assert.Contains(reply[4..], undeliverable.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_was_accepted_is_sent_even_if_the_server_does_not_answer_the_farewell()
    {
        await using var server = new FakeSmtpServer { Hangs = line => line == "QUIT" };
        Assert.IsType<SendResult.Sent>(await SendAsync(server));
        Assert.Single(server.Mails);
    }

    [Theory]
    [InlineData("MAIL", "421 Service shutting down")]
    [InlineData("RCPT", "421 Service shutting down")]
    [InlineData("RCPT", "530 Authentication required")]
    [InlineData("EHLO", "421 Service shutting down")]
    [InlineData("DATA", "")]
    [InlineData("DATA end", "")]
    [InlineData("RCPT", "")]
    public async Task A_closed_connection_means_the_server_is_unavailable(string command, string reply)
    {
        await using var server = new FakeSmtpServer { Replies = { [command] = reply } };
        Assert.IsType<SendResult.Unavailable>(await SendAsync(server));
        Assert.Empty(server.Mails);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request")]
    [InlineData("554 No service for you")]
    [InlineData("421 Too many connections")]
    [InlineData("\0\0\0\u0001")]
    public async Task A_server_that_does_not_greet_is_unavailable(string greeting)
    {
        await using var server = new FakeSmtpServer { Greeting = greeting };
        Assert.IsType<SendResult.Unavailable>(await SendAsync(server));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_international_domain_is_sent_in_punycode_to_any_server(bool offersSmtpUtf8)
    {
        await using var server = new FakeSmtpServer { Extensions = offersSmtpUtf8 ? International : [] };
        Assert.IsType<SendResult.Sent>(await SendAsync(server, to: "ada@müller.example"));
        Assert.Contains("RCPT TO:<ada@xn--mller-kva.example>", server.Commands);
        Assert.DoesNotContain(server.Commands, line => line.Contains("SMTPUTF8", StringComparison.Ordinal));
        Assert.True(Ascii.IsValid(Assert.Single(server.Mails)));
    }

    [Fact]
    public async Task An_international_local_part_is_sent_with_SMTPUTF8()
    {
        await using var server = new FakeSmtpServer { Extensions = International };
        Assert.IsType<SendResult.Sent>(await SendAsync(server, to: "δοκιμή@παράδειγμα.example"));
        Assert.Contains(server.Commands, line => line.StartsWith("MAIL FROM:<billing@example.com> SMTPUTF8", StringComparison.Ordinal));
        Assert.Contains("RCPT TO:<δοκιμή@παράδειγμα.example>", server.Commands);
        Assert.Contains("To: δοκιμή@παράδειγμα.example\n", Assert.Single(server.Mails), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_requires_SMTPUTF8_is_undeliverable_without_it()
    {
        await using var server = new FakeSmtpServer();
        var result = Assert.IsType<SendResult.Undeliverable>(await SendAsync(server, to: "jürgen@example.org"));
        Assert.Contains("SMTPUTF8", result.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Commands, line => line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task In_the_outbox_one_bad_recipient_does_not_delay_the_others()
    {
        await using var smtp = new FakeSmtpServer { Replies = { ["RCPT TO:<gone@example.org>"] = "550 5.1.1 No such user here" } };
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", $"smtp://127.0.0.1:{smtp.Port}?tls=off")]);
        await using (var transaction = await server.Database.BeginJobAsync(CancellationToken.None))
        {
            foreach (var to in (string[])["gone@example.org", "jürgen@example.org", "ada@example.org"])
            {
                await transaction.EnqueueAsync(server.Clock, new MailMessage(Tenant: null, $"test:{to}", to, "Hello", "Hello"), CancellationToken.None);
            }

            await transaction.CommitAsync(CancellationToken.None);
        }

        await server.RunJobAsync("mail");
        Assert.Contains("To: ada@example.org\n", Assert.Single(smtp.Mails), StringComparison.Ordinal);
        await using var reading = await server.Database.BeginJobAsync(CancellationToken.None);
        Assert.Equal(
            [("ada@example.org", 1, true, false), ("gone@example.org", 1, false, true), ("jürgen@example.org", 1, false, true)],
            await reading.QueryAsync(
                "select recipient, attempts, sent_at is not null, dead_at is not null from control.outbox order by recipient",
                row => (row.GetString(0), row.GetInt32(1), row.GetBoolean(2), row.GetBoolean(3)), CancellationToken.None));
        var alerts = await reading.QueryAsync(
            "select jsonb_array_elements_text(summary->'alerts') from control.job_run where job = 'mail'", row => row.GetString(0), CancellationToken.None);
        // One address is refused, the other cannot be sent to.
        Assert.Equal(2, alerts.Count);
        Assert.DoesNotContain(alerts, alert => alert.Contains('@', StringComparison.Ordinal));
    }

    static Task<SendResult> SendAsync(FakeSmtpServer server, string to = "ada@example.org") =>
        new SmtpMailTransport(new SmtpServer("127.0.0.1", server.Port, User: null, Password: null, Tls: false) { Headers = new Dictionary<string, string> { ["X-Tag"] = "a" } }).SendAsync(
            new OutgoingMail(Guid.Parse("0198f0a0-0000-7000-8000-000000000002"), "billing@example.com", to, "Grüße", "Ein Gruß\n", null, DateTimeOffset.UnixEpoch), default);
}
