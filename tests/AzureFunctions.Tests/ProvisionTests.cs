using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

public sealed class ProvisionTests
{
    [Fact]
    public async Task A_new_tenant_is_announced_at_once_and_the_message_makes_its_environment()
    {
        await using var queues = await StorageAccount.StartAsync();
        await using var worker = await FunctionsWorker.StartAsync([new("AzureWebJobsStorage", queues.ConnectionString)]);

        var tenant = await MakeTenantAsync(worker);
        var (queue, text) = Assert.Single(queues.Messages);
        var news = JsonSerializer.Deserialize<ProvisioningRequested>(text)!;
        Assert.Equal(("provision", tenant), (queue, news.TenantId));

        // Delivered twice, as queues do.
        await new ProvisionFunction(worker.Application).ProvisionAsync(news, CancellationToken.None);
        await new ProvisionFunction(worker.Application).ProvisionAsync(news, CancellationToken.None);
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.environment where state = 'ready'"));
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.provisioning_run"));
    }

    [Fact]
    public async Task A_queue_that_is_away_delays_nothing_but_the_environment()
    {
        await using var queues = await StorageAccount.StartAsync();
        queues.Refuses = true;
        await using var worker = await FunctionsWorker.StartAsync([new("AzureWebJobsStorage", queues.ConnectionString)]);

        await MakeTenantAsync(worker);
        await worker.Application.RunJobAsync("provision", CancellationToken.None);
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.environment where state = 'ready'"));
    }

    static async Task<Guid> MakeTenantAsync(FunctionsWorker worker)
    {
        var slug = Names.Random("t");
        var reply = await worker.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "Ada", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
        Assert.Equal(HttpStatusCode.Created, reply.StatusCode);
        return (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("tenant_id").GetGuid();
    }
}
