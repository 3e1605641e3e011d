namespace ControlPlane.Benchmarks;

/// <summary>The control plane as started by <c>./run</c>, in its own process, with one more route: the baseline for requests with one database query.</summary>
static class MeasuredServer
{
    public const string SelectOne = "/bench/select-1";

    public static async Task<int> RunAsync(int port, CancellationToken ct)
    {
        await using var app = LocalHost.Build([], port);
        app.MapGet(SelectOne, async (ControlDatabase database, CancellationToken aborted) =>
        {
            await using var connection = await database.OpenJobAsync(aborted);
            return await connection.ScalarAsync<int>("select 1", aborted);
        });
        await app.PrepareAsync(ct);
        using var data = DataDirectory.Open(app.Configuration["CONTROLPLANE_DATA"]!);
        await new OperatorKey(app.Services.GetRequiredService<ControlDatabase>(), app.Services.GetRequiredService<Clock>(), data)
            .EnsureAsync(app.Configuration["CONTROLPLANE_OPERATOR_KEY"], ct);
        await app.StartAsync(ct);
        Console.WriteLine("ready");
        await app.WaitForShutdownAsync(ct);
        return 0;
    }
}
