using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Items of the queues fail alone, and an operator sees and retries what could not be delivered.</summary>
public sealed class DeliveryJourneys
{
    [Fact]
    public async Task A_signing_secret_that_cannot_be_decrypted_fails_alone()
    {
        await using var server = await TestServer.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        var (broken, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        foreach (var tenant in (TestTenant[])[broken, other])
        {
            (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).EnsureSuccessStatusCode();
        }

        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync("update control.webhook_endpoint set ciphertext = '\\x01' where tenant_id = $1", default, broken.Id);
        }

        await using (var transaction = await server.Database.BeginJobAsync(default))
        {
            await transaction.EnqueueWebhookAsync(server.Clock, broken.Id, "budget.threshold_reached", new { percent = 50 }, default);
            await transaction.EnqueueWebhookAsync(server.Clock, other.Id, "budget.threshold_reached", new { percent = 50 }, default);
            await transaction.ExecuteAsync("update control.webhook_delivery set attempts = $2 where tenant_id = $1", default, broken.Id, QueueRetries.MaxAttempts - 1);
            await transaction.CommitAsync(default);
        }

        await server.RunJobAsync("webhooks");
        Assert.Single(receiver.Received);
        var delivery = Assert.Single(await server.Services.GetRequiredService<WebhookDeliveries>().ListAsync(broken.Id, 10, default));
        Assert.Equal(("given_up", "the signing secret cannot be read: remove the endpoint and set it again"), (delivery.State, delivery.LastError));
        Assert.Contains(broken.Id.ToString(), Assert.Single(await AlertsAsync(server, "webhooks")), StringComparison.Ordinal);

        Assert.Contains("Webhooks not delivered", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);
        var dead = await (await server.Operator.GetAsync("/v1/admin/queues/webhooks/dead")).ReadAsync();
        Assert.Equal(delivery.Id, Assert.Single(dead.GetProperty("items").EnumerateArray()).GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task An_alert_that_cannot_be_announced_fails_alone_is_dead_lettered_and_can_be_retried()
    {
        await using var server = await TestServer.StartAsync();
        var (broken, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        foreach (var (tenant, meter) in ((TestTenant, string)[])[(broken, "feature:unknown"), (other, "tokens")])
        {
            await server.SqlAsync(
                """
                insert into control.budget_alert (tenant_id, meter, span, starts, percent, maximum, hard, used, raised_at, attempts)
                values ($1, $2, 'day', current_date, 50, 100, true, 50, now(), $3)
                """, tenant.Id, meter, QueueRetries.MaxAttempts - 1);
        }

        Assert.Contains(await server.MailsAsync(), mail => mail.To == $"owner@{other.Slug}.example" && mail.Subject == "You have used 50 % of your daily token limit");
        Assert.Contains(broken.Id.ToString(), Assert.Single(await AlertsAsync(server, "alerts")), StringComparison.Ordinal);
        var item = Assert.Single((await (await server.Operator.GetAsync("/v1/admin/queues/alerts/dead")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal((broken.Id, QueueRetries.MaxAttempts), (item.GetProperty("tenant_id").GetGuid(), item.GetProperty("attempts").GetInt32()));
        Assert.Contains("Unknown limit", item.GetProperty("last_error").GetString(), StringComparison.Ordinal);
        Assert.Contains("Alerts not announced", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);
        Assert.Contains("Unknown limit", await OperatorPageAsync(server, "/admin/deliveries"), StringComparison.Ordinal);

        await server.SqlAsync("update control.budget_alert set meter = 'feature:image' where meter = 'feature:unknown'");
        var retried = await (await server.Operator.PostAsync("/v1/admin/queues/alerts/retry", content: null)).ReadAsync();
        Assert.Equal(1, retried.GetProperty("queued").GetInt32());
        Assert.Contains(await server.MailsAsync(), mail => mail.To == $"owner@{broken.Slug}.example" && mail.Subject.Contains("image limit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mail_that_was_dead_lettered_is_listed_and_retried()
    {
        // Nothing listens on port 1.
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", "smtp://127.0.0.1:1?tls=off")]);
        await using (var transaction = await server.Database.BeginJobAsync(default))
        {
            await transaction.EnqueueAsync(server.Clock, new MailMessage(Tenant: null, "test", "ada@example.org", "Hello", "Hello"), default);
            await transaction.ExecuteAsync("update control.outbox set attempts = $1", default, QueueRetries.MaxAttempts - 1);
            await transaction.CommitAsync(default);
        }

        await server.RunJobAsync("mail");
        var item = Assert.Single((await (await server.Operator.GetAsync("/v1/admin/queues/mail/dead")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal("Hello to ada@example.org", item.GetProperty("subject").GetString());
        Assert.Contains("Emails not sent", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);

        using var browser = await OperatorBrowserAsync(server);
        Assert.Contains("1 queued again.", await (await browser.SubmitAsync("/admin/deliveries", "/admin/deliveries/mail/retry")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.outbox where dead_at is not null"));

        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.GetAsync("/v1/admin/queues/other/dead")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.PostAsync("/v1/admin/queues/other/retry", content: null)).StatusCode);
    }

    [Fact]
    public async Task Alerts_of_a_tenant_whose_rows_are_locked_keep_no_others_from_being_announced()
    {
        await using var server = await TestServer.StartAsync();
        var (busy, free) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        foreach (var tenant in (TestTenant[])[busy, free])
        {
            await server.SqlAsync(
                """
                insert into control.budget_alert (tenant_id, meter, span, starts, percent, maximum, hard, used, raised_at, next_attempt_at)
                values ($1, 'tokens', 'day', current_date, 50, 100, true, 50, now(), now() + interval '1 day')
                """, tenant.Id);
        }

        await using (var other = await server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("select from control.tenant where id = $1 for update", default, busy.Id);
            await server.SqlAsync("update control.budget_alert set next_attempt_at = now() - case tenant_id when $1 then interval '1 hour' else interval '0' end", busy.Id);
            await server.RunJobAsync("alerts");
            Assert.Equal(free.Id, await server.ReadAsync<Guid>("select tenant_id from control.budget_alert where announced_at is not null"));
        }

        await server.SqlAsync("update control.budget_alert set next_attempt_at = now()");
        await server.RunJobAsync("alerts");
        Assert.Equal(2, await server.ReadAsync<long>("select count(*) from control.budget_alert where announced_at is not null"));
    }

    [Fact]
    public async Task An_address_that_is_refused_permanently_gets_no_more_mail_until_an_operator_lifts_the_suppression()
    {
        await using var smtp = new FakeSmtpServer { Replies = { ["RCPT TO:<gone@example.org>"] = "550 5.1.1 No such user" } };
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", $"smtp://127.0.0.1:{smtp.Port}?tls=off")]);
        await SendAsync(server, "1", "gone@example.org");
        Assert.Contains("suppressed", Assert.Single(await AlertsAsync(server, "mail")), StringComparison.Ordinal);
        await SendAsync(server, "2", "Gone@Example.org");
        Assert.Single(smtp.Commands, line => line.StartsWith("RCPT TO:<gone", StringComparison.OrdinalIgnoreCase));
        Assert.Contains("Email addresses suppressed", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);
        Assert.DoesNotContain("Emails not sent", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);

        var suppression = Assert.Single((await (await server.Operator.GetAsync("/v1/admin/mail-suppressions")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal(("gone@example.org", "bounce"), (suppression.GetProperty("address").GetString(), suppression.GetProperty("kind").GetString()));
        smtp.Replies.Clear();
        var path = $"/v1/admin/mail-suppressions/{suppression.GetProperty("id").GetGuid()}";
        Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.DeleteAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.DeleteAsync(path)).StatusCode);
        await SendAsync(server, "3", "gone@example.org");
        Assert.Single(smtp.Mails);
    }

    [Fact]
    public async Task An_address_in_another_spelling_that_is_refused_does_not_suppress_the_confirmed_one()
    {
        await using var smtp = new FakeSmtpServer();
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", $"smtp://127.0.0.1:{smtp.Port}?tls=off")]);
        var tenant = await server.CreateTenantAsync();
        foreach (var domain in (string[])[$"{tenant.Slug}.example", "unknown.example"])
        {
            smtp.Replies[$"RCPT TO:<OWNER@{domain}>"] = "550 5.1.1 No such user";
        }

        await SendAsync(server, "1", $"OWNER@{tenant.Slug}.example");
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.mail_suppression"));
        Assert.Equal(1, await server.ReadAsync<long>("select count(*) from control.outbox where dead_at is not null"));
        await SendAsync(server, "2", "OWNER@unknown.example");
        Assert.Equal("owner@unknown.example", await server.ReadAsync<string>("select address from control.mail_suppression"));
    }

    [Fact]
    public async Task A_reported_complaint_suppresses_the_address()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        var complaint = new { address = "Ada@Müller.example", kind = "complaint", reason = "abuse" };
        Assert.Equal(HttpStatusCode.Forbidden, (await tenant.Http.PostAsJsonAsync("/v1/webhooks/mail", complaint)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Anonymous.PostAsJsonAsync("/v1/webhooks/mail", complaint)).StatusCode);
        foreach (var invalid in (object[])[new { }, new { address = "ada", kind = "complaint" }, new { address = "ada@example.org", kind = "delivery" }, new { address = "ada@example.org", kind = "bounce", reason = "a\nb" }])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/webhooks/mail", invalid)).StatusCode);
        }

        // Providers report the same event more than once.
        Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.PostAsJsonAsync("/v1/webhooks/mail", complaint)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.PostAsJsonAsync("/v1/webhooks/mail", complaint)).StatusCode);
        await SendAsync(server, "1", "ada@xn--mller-kva.example");
        Assert.DoesNotContain(await server.MailsAsync(), mail => mail.Subject == "Hello");

        using var browser = await OperatorBrowserAsync(server);
        var id = await server.ReadAsync<Guid>("select id from control.mail_suppression");
        Assert.Contains("Suppression lifted.", await (await browser.SubmitAsync("/admin/deliveries", $"/admin/deliveries/suppressions/{id}/lift")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await SendAsync(server, "2", "ada@xn--mller-kva.example");
        Assert.Contains(await server.MailsAsync(), mail => mail.Subject == "Hello");
    }

    [Fact]
    public async Task The_former_name_of_the_three_queues_still_runs_them()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.RunJobAsync("outbox");
        Assert.Equal("succeeded", reply.GetProperty("outcome").GetString());
        Assert.All((string[])["alerts", "sent", "webhooks"], name => Assert.True(reply.GetProperty("counts").TryGetProperty(name, out _), name));
    }

    [Fact]
    public async Task Failures_of_a_job_that_only_a_former_release_had_are_not_shown()
    {
        await using var server = await TestServer.StartAsync();
        await server.SqlAsync(
            """
            insert into control.job_run (id, job, scheduled_for, started_at, outcome, summary)
            values ('01890000-0000-7000-8000-000000000001', 'outbox', now(), now(), 'failed', '{"error": "from the former release"}')
            """);
        Assert.DoesNotContain("former release", await OperatorPageAsync(server, "/admin"), StringComparison.Ordinal);
    }

    static async Task SendAsync(TestServer server, string key, string to)
    {
        await using (var transaction = await server.Database.BeginJobAsync(default))
        {
            await transaction.EnqueueAsync(server.Clock, new MailMessage(Tenant: null, key, to, "Hello", "Hello"), default);
            await transaction.CommitAsync(default);
        }

        await server.RunJobAsync("mail");
    }

    static async Task<List<string>> AlertsAsync(TestServer server, string job)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        return await transaction.QueryAsync(
            "select jsonb_array_elements_text(summary -> 'alerts') from control.job_run where job = $1", row => row.GetString(0), default, job);
    }

    static async Task<HttpClient> OperatorBrowserAsync(TestServer server)
    {
        var browser = server.NewVisitor();
        await browser.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        return browser;
    }

    static async Task<string> OperatorPageAsync(TestServer server, string path)
    {
        using var browser = await OperatorBrowserAsync(server);
        return await browser.GetStringAsync(path);
    }
}
