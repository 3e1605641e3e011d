using ControlPlane.Azure;
using ControlPlane.Local;
using Microsoft.AspNetCore.Routing;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.Azure;

public sealed class RouteTests
{
    /// <summary>What the Functions host serves before any function is asked.</summary>
    static readonly string[] OfThePlatform =
        ["admin/extensions", "admin/functions", "admin/host", "admin/instance", "admin/pod", "admin/vfs", "admin/warmup", "admin/zip", "runtime"];

    static readonly Dictionary<string, string?> Settings = FunctionsWorker.Settings("Host=localhost;Database=nobody_listens");

    [Fact]
    public async Task Every_route_of_the_local_host_is_behind_the_function_and_no_other()
    {
        await using var local = LocalHost.Build(Settings, port: 0);
        Assert.Equal(RouteTable.Of(((IEndpointRouteBuilder)local).DataSources), await OfTheFunctionAsync());
    }

    [Fact]
    public async Task The_function_takes_the_methods_of_all_routes()
    {
        var trigger = (HttpTriggerAttribute)FoundFunction.All.Single(function => function.Trigger is HttpTriggerAttribute).Trigger;
        var routes = await OfTheFunctionAsync();
        Assert.Empty(routes.Select(route => route.Split(' ')[0]).Except(trigger.Methods!, StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task No_route_lies_where_the_platform_has_its_own()
    {
        var routes = await OfTheFunctionAsync();
        Assert.Contains("GET /admin/tenants", routes);
        Assert.DoesNotContain(routes, route => OfThePlatform.Any(taken => $"{route.Split(" /")[1]}/".StartsWith($"{taken}/", StringComparison.OrdinalIgnoreCase)));
    }

    static async Task<IReadOnlyList<string>> OfTheFunctionAsync()
    {
        await using var composition = await Composition.StartAsync(
            new ConfigurationBuilder().AddInMemoryCollection(Settings).Build(), new Dictionary<string, string?>(), new Identity(), CancellationToken.None);
        return RouteTable.Of([composition.Services.GetRequiredService<EndpointDataSource>()]);
    }
}
