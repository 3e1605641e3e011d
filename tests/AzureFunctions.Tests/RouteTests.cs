namespace ControlPlane.AzureFunctions.Tests;

public sealed class RouteTests
{
    /// <summary>The Functions host serves these paths itself.</summary>
    static readonly string[] PlatformPaths =
        ["admin/extensions", "admin/functions", "admin/host", "admin/instance", "admin/pod", "admin/vfs", "admin/warmup", "admin/zip", "runtime"];

    static readonly Dictionary<string, string?> Settings = WorkerStandIn.Settings("Host=localhost;Database=none");

    [Fact]
    public async Task The_function_app_serves_the_same_routes_as_the_local_host() =>
        Assert.Equal(await HostRoutes.OfLocalAsync(Settings), await RoutesAsync());

    [Fact]
    public async Task The_HTTP_trigger_accepts_the_methods_of_all_routes() => Assert.Empty(
        (await RoutesAsync()).Select(route => route.Split(' ')[0]).Except(FunctionMetadata.Http.Methods, StringComparer.OrdinalIgnoreCase));

    [Fact]
    public async Task No_route_is_under_a_path_of_the_platform()
    {
        var routes = await RoutesAsync();
        Assert.Contains("GET /admin/tenants", routes);
        Assert.DoesNotContain(routes, route => PlatformPaths.Any(prefix => $"{route.Split(" /")[1]}/".StartsWith($"{prefix}/", StringComparison.OrdinalIgnoreCase)));
    }

    static async Task<IReadOnlyList<string>> RoutesAsync()
    {
        await using var composition = await Composition.StartAsync(
            new ConfigurationBuilder().AddInMemoryCollection(Settings).Build(), new Dictionary<string, string?>(), new Identity(), CancellationToken.None);
        return HostRoutes.Of([composition.Services.GetRequiredService<EndpointDataSource>()]);
    }
}
