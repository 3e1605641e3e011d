using ControlPlane.Lambda.Hosting;
using ControlPlane.Lambda.Web;
using ControlPlane.Tests.Azure;
using ControlPlane.Tests.Lambda;
using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.Tests;

/// <summary>The three hosts serve the same: method and pattern of every route.</summary>
[Trait("Category", "Slow")]
public sealed class RouteTests
{
    /// <summary>What the Functions host of Azure serves before any function is asked.</summary>
    static readonly string[] OfThePlatform =
        ["admin/extensions", "admin/functions", "admin/host", "admin/instance", "admin/pod", "admin/vfs", "admin/warmup", "admin/zip", "runtime"];

    static readonly Dictionary<string, string?> OnAzure = FunctionsWorker.Settings("Host=localhost;Database=nobody_listens");

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task Every_route_of_the_local_host_is_in_the_function_api_of_AWS_and_no_other(string sandbox)
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = sandbox;
        var routes = await OfAwsAsync(rig, ApiFunction.Build);
        Assert.Equal(await OfTheLocalHostAsync(rig.Settings), routes);
        Assert.Equal(sandbox == "true", routes.Contains("POST /v1/sandbox/clock"));
    }

    [Fact]
    public async Task Every_route_of_the_local_host_is_behind_the_function_of_Azure_and_no_other() =>
        Assert.Equal(await OfTheLocalHostAsync(OnAzure), await OfAzureAsync());

    [Fact]
    public async Task The_function_usage_of_AWS_serves_what_API_Gateway_sends_it_and_nothing_else()
    {
        await using var rig = await LambdaRig.StartAsync();
        Assert.Equal(GatewayRoutes.All.Order(StringComparer.Ordinal), await OfAwsAsync(rig, UsageFunction.Build));
    }

    [Fact]
    public async Task The_function_of_Azure_takes_the_methods_of_all_routes()
    {
        var trigger = (HttpTriggerAttribute)FoundFunction.All.Single(function => function.Trigger is HttpTriggerAttribute).Trigger;
        Assert.Empty((await OfAzureAsync()).Select(route => route.Split(' ')[0]).Except(trigger.Methods!, StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task No_route_lies_where_the_platform_of_Azure_has_its_own()
    {
        var routes = await OfAzureAsync();
        Assert.Contains("GET /admin/tenants", routes);
        Assert.DoesNotContain(routes, route => OfThePlatform.Any(taken => $"{route.Split(" /")[1]}/".StartsWith($"{taken}/", StringComparison.OrdinalIgnoreCase)));
    }

    static async Task<IReadOnlyList<string>> OfTheLocalHostAsync(IEnumerable<KeyValuePair<string, string?>> settings)
    {
        await using var local = LocalHost.Build(settings, port: 0);
        return RoutesOf(((IEndpointRouteBuilder)local).DataSources);
    }

    static async Task<IReadOnlyList<string>> OfAwsAsync(LambdaRig rig, Func<WebApplicationBuilder, FunctionEnvironment, WebApplication> build)
    {
        await using var function = build(HttpFunction.NewBuilder(rig.Around), rig.Around);
        return RoutesOf(((IEndpointRouteBuilder)function).DataSources);
    }

    static async Task<IReadOnlyList<string>> OfAzureAsync()
    {
        await using var composition = await ControlPlane.AzureFunctions.Composition.StartAsync(
            new ConfigurationBuilder().AddInMemoryCollection(OnAzure).Build(), new Dictionary<string, string?>(), new Identity(), CancellationToken.None);
        return RoutesOf([composition.Services.GetRequiredService<EndpointDataSource>()]);
    }

    static IReadOnlyList<string> RoutesOf(IEnumerable<EndpointDataSource> sources) =>
        [.. sources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => $"{method} /{route.RoutePattern.RawText!.TrimStart('/')}"))
            .Order(StringComparer.Ordinal)];
}
