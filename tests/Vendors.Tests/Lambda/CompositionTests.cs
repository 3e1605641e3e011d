using System.Net;
using System.Net.Sockets;
using ControlPlane.Lambda;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Hosting.Server;
using Xunit.Abstractions;

namespace ControlPlane.Tests.Lambda;

/// <summary>What each function is composed of: whatever it does not serve costs its start nothing. docs/performance.md has how long they take.</summary>
[Trait("Category", "Slow")]
public sealed class CompositionTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_function_is_composed_of_what_it_serves_and_nothing_else()
    {
        var services = new Dictionary<string, IReadOnlyCollection<Type>>();
        foreach (var name in Functions.All.Keys)
        {
            services[name] = await ComposeAsync(name);
            output.WriteLine($"{name}: {services[name].Count} services");
        }

        // The least where somebody waits the most.
        Assert.True(2 * services["usage"].Count < services["api"].Count);
        AssertOnly(typeof(RecordUsage), "api", "usage");
        AssertOnly(typeof(IServer), "api", "usage");
        AssertOnly(typeof(IAuthenticationService), "api");
        AssertOnly(typeof(IRazorComponentEndpointInvoker), "api");
        AssertOnly(typeof(JobCatalog), "api", "jobs", "provision");
        AssertOnly(typeof(IMailTransport), "api", "jobs");
        AssertOnly(typeof(RunProvisioning), "api", "provision");

        void AssertOnly(Type service, params string[] functions) =>
            Assert.Equal(functions, services.Where(function => function.Value.Contains(service)).Select(function => function.Key));
    }

    [Fact]
    public async Task No_function_asks_the_database_before_somebody_asks_the_function()
    {
        await using var rig = await LambdaRig.StartAsync();
        // Takes connections and says nothing.
        using var database = new TcpListener(IPAddress.Loopback, 0);
        database.Start();
        rig.Settings["CONTROLPLANE_DATABASE"] = $"Host=127.0.0.1;Port={((IPEndPoint)database.LocalEndpoint).Port};Database=none;Username=nobody;Password=none;Timeout=1";
        foreach (var name in Functions.All.Keys)
        {
            await rig.ComposeAsync(name);
        }

        Assert.False(database.Pending());
        Assert.Empty(rig.Log);
    }

    static async Task<IReadOnlyCollection<Type>> ComposeAsync(string name)
    {
        await using var rig = await LambdaRig.StartAsync();
        IReadOnlyCollection<Type> found = [];
        await using var function = await Functions.Find(name)(rig.Around with
        {
            ConfigureTestServices = services =>
            {
                found = [.. services.Select(service => service.ServiceType)];
                rig.Around.ConfigureTestServices(services);
            },
        });
        return found;
    }
}
