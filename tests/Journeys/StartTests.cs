namespace ControlPlane.Tests;

public class StartTests
{
    [Fact]
    public async Task A_started_server_reports_up_and_ready()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("up", (await (await server.Anonymous.GetAsync("/healthz")).ReadAsync()).GetProperty("status").GetString());
        Assert.Equal("ready", (await (await server.Anonymous.GetAsync("/readyz")).ReadAsync()).GetProperty("status").GetString());
    }
}
