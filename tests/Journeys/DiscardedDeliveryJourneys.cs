using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>An operator decides that something is never delivered.</summary>
public sealed class DiscardedDeliveryJourneys
{
    [Fact]
    public async Task One_dead_item_is_discarded_after_a_confirmation_and_is_never_delivered()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SMTP", "smtp://127.0.0.1:1?tls=off")]);
        foreach (var key in (string[])["first", "second", "third"])
        {
            await SendAsync(server, key, $"{key}@example.org");
        }

        await server.SqlAsync("update control.outbox set dead_at = now(), attempts = 20");
        var ids = (await (await server.Operator.GetAsync("/v1/admin/queues/mail/dead")).ReadAsync()).GetProperty("items").EnumerateArray()
            .ToDictionary(item => item.GetProperty("subject").GetString()!.Split(' ')[2].Split('@')[0], item => item.GetProperty("id").GetGuid());
        string Path(string key) => $"/v1/admin/queues/mail/dead/{ids[key]}/discard";

        var tenant = await server.CreateTenantAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Anonymous.PostAsync(Path("first"), null)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await tenant.Http.PostAsync(Path("first"), null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.PostAsync($"/v1/admin/queues/other/dead/{ids["first"]}/discard", null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.PostAsync($"/v1/admin/queues/webhooks/dead/{ids["first"]}/discard", null)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.PostAsync(Path("first"), null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.PostAsync(Path("first"), null)).StatusCode);

        using var browser = await server.SignInOperatorAsync(server.OperatorKey);
        var page = await browser.GetStringAsync("/admin/deliveries");
        Assert.Contains("Discard Hello to second@example.org?", page, StringComparison.Ordinal);
        Assert.DoesNotContain("first@example.org", page, StringComparison.Ordinal);
        var form = $"/admin/deliveries/mail/{ids["second"]}/discard";
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.PostAsync(form, new FormUrlEncodedContent([]))).StatusCode);
        Assert.Contains("Discarded.", await (await browser.SubmitAsync("/admin/deliveries", form)).Content.ReadAsStringAsync(), StringComparison.Ordinal);

        Assert.Equal(["mail.discarded", "mail.discarded"], (await server.AuditAsync("operator")).Where(action => action.EndsWith(".discarded", StringComparison.Ordinal)));
        Assert.Equal(1, (await (await server.Operator.PostAsync("/v1/admin/queues/mail/retry", content: null)).ReadAsync()).GetProperty("queued").GetInt32());
        Assert.Equal("first@example.org second@example.org", await server.ReadAsync<string>("select string_agg(recipient, ' ' order by recipient) from control.outbox where discarded_at is not null and dead_at is not null"));
        // The row stays until its retention is over: the same message is not queued again.
        await SendAsync(server, "first", "first@example.org");
        Assert.Equal(3, await server.ReadAsync<long>("select count(*) from control.outbox where subject = 'Hello'"));
    }

    [Fact]
    public async Task Discarded_webhooks_and_alerts_are_left_out_until_the_tenant_replays_its_webhook()
    {
        await using var server = await TestServer.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        var tenant = await server.CreateTenantAsync();
        (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).EnsureSuccessStatusCode();
        await server.SqlAsync("insert into control.webhook_delivery (id, tenant_id, type, payload, created_at, attempts, dead_at) values (gen_random_uuid(), $1, 'test', '{}', now(), 20, now())", tenant.Id);
        await server.SqlAsync(
            """
            insert into control.budget_alert (tenant_id, meter, span, starts, percent, maximum, hard, used, raised_at, attempts, dead_at)
            values ($1, 'tokens', 'day', current_date, 50, 100, true, 50, now(), 20, now())
            """, tenant.Id);
        foreach (var queue in (string[])["webhooks", "alerts"])
        {
            var id = Assert.Single((await (await server.Operator.GetAsync($"/v1/admin/queues/{queue}/dead")).ReadAsync()).GetProperty("items").EnumerateArray()).GetProperty("id").GetGuid();
            Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.PostAsync($"/v1/admin/queues/{queue}/dead/{id}/discard", null)).StatusCode);
            Assert.Empty((await (await server.Operator.GetAsync($"/v1/admin/queues/{queue}/dead")).ReadAsync()).GetProperty("items").EnumerateArray());
            Assert.Equal(0, (await (await server.Operator.PostAsync($"/v1/admin/queues/{queue}/retry", content: null)).ReadAsync()).GetProperty("queued").GetInt32());
        }

        using var browser = await server.SignInOperatorAsync(server.OperatorKey);
        Assert.DoesNotContain("not delivered", await browser.GetStringAsync("/admin"), StringComparison.Ordinal);
        Assert.DoesNotContain(await server.MailsAsync(), mail => mail.Subject.Contains("daily token limit", StringComparison.Ordinal));
        Assert.Equal(2, await server.ReadAsync<long>("select count(*) from control.audit_log where tenant_id = $1 and action in ('webhook.discarded', 'alert.discarded')", tenant.Id));

        Assert.True(await server.Services.GetRequiredService<WebhookDeliveries>().ReplayAsync(tenant.Id, await server.ReadAsync<Guid>("select id from control.webhook_delivery"), "test", default));
        await server.RunJobAsync("webhooks");
        Assert.Single(receiver.Received);
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
}
