using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

[Trait("Category", "Slow")]
public sealed class ProvisionTests
{
    [Fact]
    public async Task A_new_tenant_is_announced_at_once_and_the_message_provisions_its_environment()
    {
        await using var queues = await StorageAccount.StartAsync();
        await using var worker = await WorkerStandIn.StartAsync([new("AzureWebJobsStorage", queues.ConnectionString)]);

        var tenant = await CreateTenantAsync(worker);
        var (queue, text) = Assert.Single(queues.Messages);
        var message = JsonSerializer.Deserialize<ProvisioningRequested>(text)!;
        Assert.Equal(("provision", tenant), (queue, message.TenantId));

        // Delivered twice, as queues may.
        await new ProvisionFunction(worker.Application).ProvisionAsync(message, CancellationToken.None);
        await new ProvisionFunction(worker.Application).ProvisionAsync(message, CancellationToken.None);
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.environment where state = 'ready'"));
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.provisioning_run"));
    }

    [Fact]
    public async Task An_unavailable_queue_only_delays_provisioning()
    {
        await using var queues = await StorageAccount.StartAsync();
        queues.Refuses = true;
        await using var worker = await WorkerStandIn.StartAsync([new("AzureWebJobsStorage", queues.ConnectionString)]);

        await CreateTenantAsync(worker);
        await worker.Application.RunJobAsync("provision", CancellationToken.None);
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.environment where state = 'ready'"));
    }

    static async Task<Guid> CreateTenantAsync(WorkerStandIn worker)
    {
        var slug = Names.Random("t");
        var response = await worker.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "Ada", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("tenant_id").GetGuid();
    }
}
