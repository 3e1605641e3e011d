using ControlPlane.Aws;
using ControlPlane.Aws.Web;
using ControlPlane.Http;
using ControlPlane.Local;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Tests.Lambda;

public sealed class RouteTests
{
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task Every_route_of_the_local_host_is_in_the_function_api_and_no_other(string sandbox)
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = sandbox;
        await using var local = LocalHost.Build(rig.Settings, 0);
        await using var api = ApiFunction.Build(HttpFunction.NewBuilder(rig.Around), rig.Around);
        Assert.Equal(RoutesOf(local), RoutesOf(api));
        Assert.Contains("POST /v1/admin/jobs/{job}/run", RoutesOf(api));
    }

    [Fact]
    public async Task The_function_usage_serves_what_API_Gateway_sends_it_and_nothing_else()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var usage = UsageFunction.Build(HttpFunction.NewBuilder(rig.Around), rig.Around);
        Assert.Equal(GatewayRoutes.All.Order(StringComparer.Ordinal), RoutesOf(usage));
    }

    [Fact]
    public void There_is_no_other_function() =>
        Assert.Equal(["api", "database", "jobs", "provision", "usage"], Functions.All.Keys.Order(StringComparer.Ordinal));

    static IEnumerable<string> RoutesOf(WebApplication app) => ((IEndpointRouteBuilder)app).DataSources
        .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .SelectMany(endpoint => endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText}"))
        .Order(StringComparer.Ordinal);
}
