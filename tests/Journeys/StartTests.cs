namespace ControlPlane.Tests;

public class StartTests
{
    [Fact]
    public async Task A_started_server_reports_up_and_ready()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("up", (await (await server.Anyone.GetAsync("/healthz")).ReadAsync()).GetProperty("status").GetString());
        Assert.Equal("ready", (await (await server.Anyone.GetAsync("/readyz")).ReadAsync()).GetProperty("status").GetString());
    }
}
