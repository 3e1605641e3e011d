using ControlPlane.Demo;
using ControlPlane.Demo.Months;
using Npgsql;

namespace ControlPlane.Tests.Demo;

public sealed class MonthsRunTests : IAsyncLifetime, IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("demo");
    readonly StringWriter _output = new();
    readonly List<string> _databases = [];

    [Fact]
    public async Task Two_months_of_six_customers_balance_and_a_cent_too_much_is_found()
    {
        await using var demo = await MonthsRun.StartAsync(_folder.FullName, _databases[0], months: 2, DemoCommand.PlainConsole(_output), CancellationToken.None);
        _databases.Add(new NpgsqlConnectionStringBuilder(_databases[0]) { Database = demo.Server.DatabaseName }.ToString());
        await demo.PlayAsync(CancellationToken.None);

        Assert.True(await demo.CheckAsync(CancellationToken.None) == 0, _output.ToString());
        Assert.Contains("The amounts balance: 12 invoices without a gap", _output.ToString(), StringComparison.Ordinal);
        foreach (var (story, stages) in Stages)
        {
            Assert.Contains(stages, _output.ToString().Split(story)[1], StringComparison.Ordinal);
        }

        // Its own customer pays it back to the platform, which does not know of it.
        demo.Accounts[0].Books.Use(new DateTimeOffset(2026, 2, 3, 0, 0, 0, TimeSpan.Zero), 1);
        Assert.True(await demo.CheckAsync(CancellationToken.None) >= 2);
        Assert.Contains("Alpenblick Verlag, tokens on all invoices and since: expected", _output.ToString(), StringComparison.Ordinal);
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

    static readonly (string Story, string Stages)[] Stages =
    [
        ("pays every month", "paid 1 Feb"), ("fails, then pays", "past due 1 Feb, dunning 4 Feb, paid 5 Feb"), ("never pays", "past due 1 Feb, dunning 4 Feb, suspended 7 Feb"),
        ("pays by bank transfer", "paid 6 Feb"),
    ];
}
