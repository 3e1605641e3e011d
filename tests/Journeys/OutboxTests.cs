namespace ControlPlane.Tests;

public class OutboxTests
{
    [Fact]
    public async Task Two_concurrent_senders_deliver_every_mail_once()
    {
        await using var server = await TestServer.StartAsync();
        await EnqueueAsync(server, 50);
        var outbox = server.Services.GetRequiredService<SendOutbox>();
        var reports = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => outbox.RunAsync(CancellationToken.None)));
        var mails = await server.MailsAsync();
        Assert.Equal(50, mails.Select(mail => mail.MessageId).Distinct().Count());
        Assert.Equal(50, mails.Count);
        Assert.True(reports.Sum(report => report.Counts["sent"]) <= 50);
    }

    [Fact]
    public async Task A_queued_mail_is_sent_without_waiting_for_the_schedule()
    {
        await using var server = await TestServer.StartAsync();
        await EnqueueAsync(server, 1);
        var folder = Path.Combine(server.DataFolder, "mail");
        for (var wait = 0; wait < 100 && !(Directory.Exists(folder) && Directory.GetFiles(folder, "*.eml").Length == 1); wait++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        var mail = ReceivedMail.Read(Assert.Single(Directory.GetFiles(folder, "*.eml")));
        Assert.Equal(("to0@example.org", "Grüße 0", "Ein Gruß\n"), (mail.To, mail.Subject, mail.Body));
        Assert.Equal([1, 2, 3], mail.Attachments["a.pdf"]);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(5, 32)]
    [InlineData(6, 60)]
    [InlineData(QueueRetries.MaxAttempts - 1, 60)]
    public async Task A_mail_that_cannot_be_sent_is_retried_with_growing_delays_and_then_dead_lettered(int failedAttempts, int minutes)
    {
        // Nothing listens on port 1.
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", "smtp://127.0.0.1:1?tls=off")]);
        await EnqueueAsync(server, 1, failedAttempts);
        await server.RunJobAsync("mail");
        await using var transaction = await server.Database.BeginJobAsync(CancellationToken.None);
        Assert.Equal((failedAttempts + 1, minutes), await transaction.FirstAsync(
            "select attempts, round(extract(epoch from next_attempt_at - now()) / 60)::int from control.outbox", row => (row.GetInt32(0), row.GetInt32(1)), CancellationToken.None));
        var alerts = await transaction.QueryAsync(
            "select jsonb_array_elements_text(summary->'alerts') from control.job_run where job = 'mail'", row => row.GetString(0), CancellationToken.None);
        Assert.Equal(failedAttempts + 1 == QueueRetries.MaxAttempts ? 1 : 0, alerts.Count);
        Assert.DoesNotContain(alerts, alert => alert.Contains('@', StringComparison.Ordinal));
    }

    static async Task EnqueueAsync(TestServer server, int count, int failedAttempts = 0)
    {
        await using var transaction = await server.Database.BeginJobAsync(CancellationToken.None);
        for (var i = 0; i < count; i++)
        {
            await transaction.EnqueueAsync(
                server.Clock, new MailMessage(Tenant: null, $"test:{i}", $"to{i}@example.org", $"Grüße {i}", "Ein Gruß", new MailAttachment("a.pdf", [1, 2, 3])), CancellationToken.None);
        }

        await transaction.ExecuteAsync("update control.outbox set attempts = $1", CancellationToken.None, failedAttempts);
        await transaction.CommitAsync(CancellationToken.None);
    }
}
