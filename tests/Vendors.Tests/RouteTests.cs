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
    public async Task Every_route_of_the_local_host_is_in_the_function_api_of_AWS_and_no_other(string sandbox)
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = sandbox;
        var routes = await OfAwsAsync(rig, ApiFunction.Build);
        Assert.Equal(await HostRoutes.OfLocalAsync(rig.Settings), routes);
        Assert.Equal(sandbox == "true", routes.Contains("POST /v1/sandbox/clock"));
    }

    [Fact]
    public async Task The_function_usage_of_AWS_serves_what_API_Gateway_sends_it_and_nothing_else()
    {
        await using var rig = await LambdaRig.StartAsync();
        Assert.Equal(GatewayRoutes.All.Order(StringComparer.Ordinal), await OfAwsAsync(rig, UsageFunction.Build));
    }

    static async Task<IReadOnlyList<string>> OfAwsAsync(LambdaRig rig, Func<WebApplicationBuilder, FunctionEnvironment, WebApplication> build)
    {
        await using var function = build(HttpFunction.NewBuilder(rig.Around), rig.Around);
        return HostRoutes.Of(((IEndpointRouteBuilder)function).DataSources);
    }
}
