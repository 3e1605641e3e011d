using System.Net;
using System.Net.Sockets;
using ControlPlane.Lambda;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Hosting.Server;
using Xunit.Abstractions;

namespace ControlPlane.Tests.Lambda;

/// <summary>A function's cold start must not pay for services that it does not need. docs/performance.md has the times.</summary>
[Trait("Category", "Slow")]
public sealed class CompositionTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_function_registers_only_the_services_that_it_needs()
    {
        var services = new Dictionary<string, IReadOnlyCollection<Type>>();
        foreach (var name in Functions.All.Keys)
        {
            services[name] = await ComposeAsync(name);
            output.WriteLine($"{name}: {services[name].Count} services");
        }

        // Its cold starts delay users the most.
        Assert.True(2 * services["usage"].Count < services["api"].Count);
        // The job quarantine replays events.
        AssertOnly(typeof(RecordUsage), "api", "usage", "authorize", "jobs");
        AssertOnly(typeof(IServer), "api", "usage", "authorize");
        AssertOnly(typeof(IAuthenticationService), "api");
        AssertOnly(typeof(IRazorComponentEndpointInvoker), "api");
        AssertOnly(typeof(JobCatalog), "api", "jobs", "provision");
        AssertOnly(typeof(IMailTransport), "api", "jobs");
        AssertOnly(typeof(RunProvisioning), "api", "provision");

        void AssertOnly(Type service, params string[] functions) =>
            Assert.Equal(functions, services.Where(function => function.Value.Contains(service)).Select(function => function.Key));
    }

    [Fact]
    public async Task No_function_calls_the_database_at_startup()
    {
        await using var rig = await LambdaRig.StartAsync();
        // Accepts connections and never responds.
        using var database = new TcpListener(IPAddress.Loopback, 0);
        database.Start();
        rig.Settings["CONTROLPLANE_DATABASE"] = $"Host=127.0.0.1;Port={((IPEndPoint)database.LocalEndpoint).Port};Database=none;Username=none;Password=none;Timeout=1";
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
        await using var function = await Functions.Find(name)(rig.Environment with
        {
            ConfigureTestServices = services =>
            {
                found = [.. services.Select(service => service.ServiceType)];
                rig.Environment.ConfigureTestServices(services);
            },
        });
        return found;
    }
}
