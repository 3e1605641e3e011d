using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Tests;

/// <summary>The real program with an embedded PostgreSQL, as <c>./run</c> starts it.</summary>
public sealed class ProcessTests : IDisposable
{
    readonly string _data = Path.Combine(Path.GetTempPath(), Names.Random("controlplane-process"));

    [Fact]
    public async Task Data_survives_a_kill_and_restart()
    {
        var killed = await ServerProcess.StartAsync("--data", _data, "--sandbox", "--clock", "2026-01-01T00:00:00Z");
        await killed.KillAsync();
        await using var restarted = await ServerProcess.StartAsync("--data", _data, "--sandbox");
        HttpResponseMessage reply;
        // The job may be running by itself.
        while ((reply = await restarted.Operator.PostAsync("/v1/admin/jobs/mail/run", content: null)).StatusCode == HttpStatusCode.Conflict)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        await using var second = ServerProcess.Launch(FreePort.Find(), "--data", _data, "--sandbox");
        Assert.Equal(1, await second.ExitAsync());
        Assert.Contains("already in use", second.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sandbox_clock_does_not_start_earlier_than_it_was()
    {
        await (await ServerProcess.StartAsync("--data", _data, "--sandbox", "--clock", "2026-03-01T00:00:00Z")).DisposeAsync();
        await using var earlier = ServerProcess.Launch(FreePort.Find(), "--data", _data, "--sandbox", "--clock", "2026-02-01T00:00:00Z");
        await AssertOneLineAsync(earlier, "only moves forward");
        await using var real = ServerProcess.Launch(FreePort.Find(), "--data", _data);
        await AssertOneLineAsync(real, "--sandbox");
    }

    [Fact]
    public async Task An_interrupt_leaves_no_process_behind()
    {
        var server = await ServerProcess.StartAsync("--data", _data);
        Assert.NotEmpty(ProcessesIn(_data));
        Assert.Equal(0, await server.InterruptAsync());
        Assert.Empty(ProcessesIn(_data));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_kill_also_ends_the_database_server()
    {
        var server = await ServerProcess.StartAsync("--data", _data);
        await server.KillAsync();
        await AssertNoProcessStaysAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_invalid_connection_string_is_reported_in_one_line_without_its_value()
    {
        await using var server = ServerProcess.Launch(FreePort.Find(), "--data", _data, "--database", "my-password");
        await AssertOneLineAsync(server, "connection string");
        Assert.DoesNotContain("my-password", server.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_reported_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var server = ServerProcess.Launch(((IPEndPoint)taken.LocalEndpoint).Port, "--data", _data);
        await AssertOneLineAsync(server, "in use");
        await AssertNoProcessStaysAsync();
    }

    async Task AssertNoProcessStaysAsync()
    {
        for (var wait = 0; wait < 600 && ProcessesIn(_data).Count > 0; wait++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        Assert.Empty(ProcessesIn(_data));
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Username=nobody", "unavailable")]
    [InlineData("Host=127.0.0.1;Port=here", "connection string")]
    public async Task An_unavailable_database_is_reported_in_one_line(string database, string expected)
    {
        await using var server = ServerProcess.Launch(FreePort.Find(), "--data", _data, "--database", database);
        await AssertOneLineAsync(server, expected);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_created_is_reported_in_one_line()
    {
        await using var server = ServerProcess.Launch(FreePort.Find(), "--data", "/proc/nowhere");
        await AssertOneLineAsync(server, "/proc/nowhere");
    }

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    static async Task AssertOneLineAsync(ServerProcess server, string expected)
    {
        Assert.Equal(1, await server.ExitAsync());
        var line = Assert.Single(server.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    /// <summary>The command lines of processes that mention the folder.</summary>
    static List<string> ProcessesIn(string folder)
    {
        var found = new List<string>();
        foreach (var process in Directory.GetDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                var words = File.ReadAllText(Path.Combine(process, "cmdline"));
                if (words.Contains(folder, StringComparison.Ordinal))
                {
                    found.Add(words);
                }
            }
            catch (IOException)
            {
                // The process ended after it was listed.
            }
        }

        return found;
    }
}
