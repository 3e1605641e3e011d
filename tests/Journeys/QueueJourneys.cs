using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Receivers and mail servers that hang, and what nobody else must notice of it.</summary>
public class QueueJourneys
{
    /// <summary>Far below the time limit of a message, which is what a queue in sequence would wait for.</summary>
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Recipients_that_hang_delay_no_link_that_a_person_is_waiting_for(bool isOneDomain)
    {
        await using var smtp = new FakeSmtpServer { Hangs = line => line.StartsWith("RCPT TO:<slow", StringComparison.Ordinal) };
        await using var server = await StartAsync(smtp);
        await EnqueueAsync(server, Enumerable.Range(0, 30).Select(i => isOneDomain ? $"slow{i}@slow.example" : $"slow{i}@slow{i}.example"));
        await WaitUntilAsync(() => smtp.Commands.Any(line => line.StartsWith("RCPT TO:<slow", StringComparison.Ordinal)));

        var person = Person.New();
        Assert.Equal(HttpStatusCode.Accepted, (await person.SendAsync(server)).StatusCode);
        await WaitUntilAsync(() => smtp.Mails.Any(mail => mail.Contains(person.Email, StringComparison.Ordinal)));
        if (isOneDomain)
        {
            await EnqueueAsync(server, ["ada@example.org"]);
            await WaitUntilAsync(() => smtp.Mails.Any(mail => mail.Contains("ada@example.org", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Urgent_mail_is_sent_before_a_backlog()
    {
        await using var smtp = new FakeSmtpServer();
        await using var server = await StartAsync(smtp);
        await using (var other = await server.Database.OpenJobAsync(default))
        {
            // Another process runs the job: everything is queued before the first mail is sent.
            await other.ExecuteAsync("select pg_advisory_lock(hashtextextended('job mail', 0))", default);
            await EnqueueAsync(server, Enumerable.Range(0, 40).Select(i => $"to{i}@example{i}.org"));
            await EnqueueAsync(server, ["urgent@example.org"], isUrgent: true);
            await other.ExecuteAsync("select pg_advisory_unlock(hashtextextended('job mail', 0))", default);
        }

        await WaitUntilAsync(() => smtp.Mails.Count == 41);
        Assert.Contains(smtp.Mails.Take(8), mail => mail.Contains("urgent@example.org", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_transaction_is_open_while_mail_servers_and_receivers_hang()
    {
        await using var smtp = new FakeSmtpServer { Hangs = line => line == "DATA end" };
        await using var server = await StartAsync(smtp);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Hangs = true;
        var tenant = await server.CreateTenantAsync();
        await SetEndpointAsync(tenant, receiver);
        await EnqueueWebhooksAsync(server, tenant, 1);
        await WaitUntilAsync(() => receiver.Received.Count == 1 && smtp.Commands.Contains("DATA"));

        for (var sample = 0; sample < 10; sample++)
        {
            Assert.Equal(0, await server.ReadAsync<long>(
                "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%' and state_change < now() - interval '1 second'"));
            await Task.Delay(TimeSpan.FromMilliseconds(200));
        }

        // Fails at once if a row is locked.
        await server.ReadAsync<int>("select 1 from control.outbox where sent_at is null order by id for update nowait");
        await server.ReadAsync<int>("select 1 from control.webhook_delivery for update nowait");
    }

    [Fact]
    public async Task Replays_to_a_receiver_that_hangs_are_only_queued_and_delay_no_other_tenant()
    {
        await using var server = await TestServer.StartAsync();
        await using var hanging = await WebhookReceiver.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        hanging.Hangs = true;
        var (tenant, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await SetEndpointAsync(tenant, hanging);
        await SetEndpointAsync(other, receiver);
        await EnqueueWebhooksAsync(server, tenant, 70);
        await WaitUntilAsync(() => hanging.Received.Count == 1);

        var deliveries = server.Services.GetRequiredService<WebhookDeliveries>();
        var all = await deliveries.ListAsync(tenant.Id, 100, default);
        var replays = Task.WhenAll(all.Select(delivery => deliveries.ReplayAsync(tenant.Id, delivery.Id, "test", default)));
        Assert.All(await replays.WaitAsync(Soon), Assert.True);
        Assert.Equal(HttpStatusCode.OK, (await other.Http.GetAsync("/v1/subscription")).StatusCode);
        await EnqueueWebhooksAsync(server, other, 3);
        await WaitUntilAsync(() => receiver.Received.Count == 3);
        // One request at a time, each of which takes 10 seconds.
        Assert.InRange(hanging.Received.Count, 1, 4);
    }

    [Fact]
    public async Task An_interrupted_mail_is_sent_again_under_the_same_Message_ID()
    {
        await using var smtp = new FakeSmtpServer { Hangs = line => line == "DATA end" };
        await using var server = await StartAsync(smtp);
        await EnqueueAsync(server, ["ada@example.org"]);
        await WaitUntilAsync(() => smtp.Mails.Count == 1);
        smtp.Hangs = _ => false;
        // The sender is killed before it records that the mail was sent, and its claim expires.
        await server.SqlAsync("update control.outbox set next_attempt_at = now()");
        await server.Services.GetRequiredService<SendOutbox>().RunAsync(default);
        Assert.Equal(2, smtp.Mails.Count);
        Assert.Single(smtp.Mails.Select(mail => mail.Split('\n').Single(line => line.StartsWith("Message-Id:", StringComparison.OrdinalIgnoreCase))).Distinct());
        Assert.NotNull(await server.ReadAsync<DateTimeOffset?>("select sent_at from control.outbox"));
    }

    static Task<TestServer> StartAsync(FakeSmtpServer smtp) =>
        TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", $"smtp://127.0.0.1:{smtp.Port}?tls=off")]);

    static async Task SetEndpointAsync(TestTenant tenant, WebhookReceiver receiver) =>
        (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).EnsureSuccessStatusCode();

    static async Task EnqueueAsync(TestServer server, IEnumerable<string> recipients, bool isUrgent = false)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        foreach (var to in recipients)
        {
            await transaction.EnqueueAsync(server.Clock, new MailMessage(Tenant: null, $"test:{to}", to, "Hello", "Hello") { Urgent = isUrgent }, default);
        }

        await transaction.CommitAsync(default);
    }

    static async Task EnqueueWebhooksAsync(TestServer server, TestTenant tenant, int count)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        for (var i = 0; i < count; i++)
        {
            await transaction.EnqueueWebhookAsync(server.Clock, tenant.Id, "budget.threshold_reached", new { percent = i }, default);
        }

        await transaction.CommitAsync(default);
    }

    static async Task WaitUntilAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(Soon);
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), timeout.Token);
        }
    }
}
