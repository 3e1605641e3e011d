using ControlPlane.Demo;
using Npgsql;

namespace ControlPlane.Tests.Demo;

public sealed class DemoRunTests : IAsyncLifetime, IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("demo");
    readonly StringWriter _output = new();
    readonly List<string> _databases = [];

    [Fact]
    public async Task Two_months_are_played_without_losing_a_token_or_a_cent()
    {
        await using var demo = await PlayAsync();

        Assert.True(await demo.CheckAsync(CancellationToken.None) == 0, _output.ToString());
        Assert.Equal(4, Directory.GetFiles(Path.Combine(demo.Server.Folder, "invoices"), "*.pdf").Length);
        Assert.Contains("Nothing was lost, duplicated or mispriced", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_counter_that_is_one_token_off_is_reported()
    {
        await using var demo = await PlayAsync();
        await using (var owner = await demo.Server.Database.OpenOwnerAsync(CancellationToken.None))
        {
            await owner.ExecuteAsync(AddOneToken, CancellationToken.None, demo.Accounts.Single(account => account.Tenant.Plan == "basic").Id);
        }

        // The counters themselves, the total of GET /v1/usage, and its one model.
        Assert.Equal(3, await demo.CheckAsync(CancellationToken.None));
        Assert.Contains("basic, live counters: expected", _output.ToString(), StringComparison.Ordinal);
    }

    public async Task InitializeAsync() => _databases.Add(await TestCluster.NewDatabaseAsync());

    public async Task DisposeAsync()
    {
        foreach (var database in _databases)
        {
            await TestCluster.DropAsync(database);
        }
    }

    public void Dispose()
    {
        _output.Dispose();
        _folder.Delete(recursive: true);
    }

    async Task<DemoRun> PlayAsync()
    {
        var options = new DemoOptions(_folder.FullName, _databases[0], Traces: [], Calls: 600, Seed: 1);
        var demo = await DemoRun.StartAsync(options, DemoCommand.PlainConsole(_output), CancellationToken.None);
        _databases.Add(new NpgsqlConnectionStringBuilder(_databases[0]) { Database = demo.Server.DatabaseName }.ToString());
        try
        {
            await demo.PlayAsync(CancellationToken.None);
            return demo;
        }
        catch
        {
            await demo.DisposeAsync();
            throw;
        }
    }

    const string AddOneToken = """
        update control.usage_counter set prompt_tokens = prompt_tokens + 1
        where ctid = (select ctid from control.usage_counter where tenant_id = $1 limit 1)
        """;
}
