using ControlPlane.Lambda.Hosting;
using ControlPlane.Lambda.Web;
using ControlPlane.Tests.Lambda;

namespace ControlPlane.Tests;

[Trait("Category", "Slow")]
public sealed class RouteTests
{
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task The_api_function_serves_the_same_routes_as_the_local_host(string sandbox)
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = sandbox;
        var routes = await RoutesAsync(rig, ApiFunction.Build);
        Assert.Equal(await HostRoutes.OfLocalAsync(rig.Settings), routes);
        Assert.Equal(sandbox == "true", routes.Contains("POST /v1/sandbox/clock"));
    }

    [Fact]
    public async Task The_usage_function_serves_only_the_routes_that_API_Gateway_sends_it()
    {
        await using var rig = await LambdaRig.StartAsync();
        Assert.Equal(GatewayRoutes.All.Order(StringComparer.Ordinal), await RoutesAsync(rig, UsageFunction.Build));
    }

    static async Task<IReadOnlyList<string>> RoutesAsync(LambdaRig rig, Func<WebApplicationBuilder, FunctionEnvironment, WebApplication> build)
    {
        await using var function = build(HttpFunction.NewBuilder(rig.Environment), rig.Environment);
        return HostRoutes.Of(((IEndpointRouteBuilder)function).DataSources);
    }
}
