namespace ControlPlane.Tests.Support;

static class SandboxTime
{
    /// <summary>Sets the sandbox clock without running the jobs that come due in between, then runs the named ones once.</summary>
    public static async Task JumpAsync(this TestServer server, DateTimeOffset to, params string[] jobs)
    {
        Assert.True(await server.Clock.MoveAsync(server.Database, to, CancellationToken.None));
        foreach (var job in jobs)
        {
            await server.RunJobAsync(job);
        }
    }
}
