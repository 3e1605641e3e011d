namespace ControlPlane.AzureFunctions.Tests;

[Trait("Category", "Slow")]
public sealed class OverflowTests
{
    [Fact]
    public async Task Usage_is_queued_while_the_database_is_unavailable_and_counted_once()
    {
        await using var queues = await StorageAccount.StartAsync();
        await using var worker = await WorkerStandIn.StartAsync([new("AzureWebJobsStorage", queues.ConnectionString)]);
        using var tenant = await HttpFunctionTests.CreateTenantAsync(worker);
        // While the database is available.
        Assert.Equal(1, await HttpFunctionTests.ReportAsync(tenant, "accepted", HttpFunctionTests.Event(1)));

        await using (await TestCluster.RefuseAsync(worker.ConnectionString))
        {
            Assert.Equal(1, await HttpFunctionTests.ReportAsync(tenant, "queued", HttpFunctionTests.Event(2)));
            var queued = queues.Messages.Single(message => message.Queue == UsageQueue.Name).Text;
            await Assert.ThrowsAnyAsync<Exception>(() => new UsageFunction(worker.Application).DrainAsync(queued, CancellationToken.None));
        }

        // Delivered twice, as queues may, once the circuit has closed again.
        var message = queues.Messages.Single(message => message.Queue == UsageQueue.Name).Text;
        for (var delivered = 0; delivered < 2;)
        {
            try
            {
                await new UsageFunction(worker.Application).DrainAsync(message, CancellationToken.None);
                delivered++;
            }
            catch (Exception e) when (DatabaseUnavailable.IsDatabaseUnavailable(e))
            {
                await Task.Delay(100);
            }
        }

        Assert.Equal(2, await worker.CountAsync("select count(*) from control.usage_event"));
    }
}
