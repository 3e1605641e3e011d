using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Vps;

/// <summary>The platform's services that environments share a network with: the proxy and Ollama.</summary>
public sealed class SharedServiceTests
{
    static readonly string Compose = File.ReadAllText(Repository.At("deploy/vps/compose.yaml"));

    // New connections to this port are not limited in the networks of environments, because the proxy's to Open WebUI are among them.
    [Fact]
    public void Of_the_containers_in_an_environments_network_the_proxy_does_not_listen_on_Open_WebUIs_port()
    {
        Assert.Contains("--syn ! --dport 8080 ", File.ReadAllText(Repository.At("deploy/vps/controlplane.sh")), StringComparison.Ordinal);
        Assert.Contains("loadbalancer.server.port: \"8080\"", ComposeRendering.Render(Samples.Environment("basic"), Samples.Options, "/models").Compose, StringComparison.Ordinal);
        // Pings have the port 8080 of an entry point of Traefik's own unless they name another one.
        string[] ping = ["--entrypoints.ping.address=127.0.0.1:8082", "--ping.entrypoint=ping"];
        Assert.All(ping, option => Assert.Contains($"      - {option}\n", Compose, StringComparison.Ordinal));
        Assert.Contains($"[CMD, traefik, healthcheck, {string.Join(", ", ping)}]", Compose, StringComparison.Ordinal);
        Assert.DoesNotContain("--ping=", Compose, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"--entrypoints\.\w+\.address=\S*:8080", Compose);
    }

    [Fact]
    public void Unapproved_tenants_leave_a_place_of_the_shared_Ollama_to_the_others() =>
        Assert.Equal($"{Authorize.DefaultSharedPlaces + 1}", Regex.Match(Compose, @"OLLAMA_NUM_PARALLEL: ""(\d+)""").Groups[1].Value);
}
