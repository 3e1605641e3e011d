using System.Net;

namespace ControlPlane.Tests.Engine;

/// <summary>What happens to an environment after it was created.</summary>
[Collection(SharedPlatform.Name), Trait("Category", "Engine")]
public sealed class LifecycleTests(Platform platform)
{
    [Fact]
    public async Task An_environment_follows_its_plan_stops_starts_and_leaves_nothing()
    {
        var tenant = await Tenant.CreateAsync(platform, "trial");
        await Docker.ExecAsync(tenant.Container("open-webui"), "sh", "-c", "echo kept > /app/backend/data/uploads/kept");
        Assert.Equal(HttpStatusCode.OK, (await tenant.ChatAsync("mistral:7b-instruct", "Hello")).Status);

        await Platform.QueryAsync($"update control.subscription set plan = 'enterprise', trial_ends_at = null where tenant_id = '{tenant.Id}'");
        await tenant.ActAsync("restart");
        await tenant.WaitForAsync("ready");
        Assert.Contains(tenant.Container("ollama-dedicated"), await tenant.ContainersAsync());
        Assert.Contains(tenant.Container("gateway-egress"), await tenant.ContainersAsync());
        Assert.Equal($"{(long)PlanSizes.For("enterprise").OpenWebui.MemoryMiB << 20}", await Docker.InspectAsync(tenant.Container("open-webui"), "{{.HostConfig.Memory}}"));
        // Its own Ollama takes the place of the shared one.
        Assert.DoesNotContain(tenant.Network("models"), (await Docker.AddressesAsync("ollama")).Keys);
        Assert.Equal(HttpStatusCode.OK, (await tenant.ChatAsync("mistral:7b-instruct", "Hello again")).Status);

        await tenant.ActAsync("suspend");
        await tenant.WaitForAsync("suspended");
        Assert.Empty(await tenant.ContainersAsync(all: false));
        Assert.NotEqual(HttpStatusCode.OK, (await tenant.SendAsync("/ready")).Status);

        await tenant.ActAsync("resume");
        await tenant.WaitForAsync("ready");
        Assert.Equal("kept", await Docker.ExecAsync(tenant.Container("open-webui"), "cat", "/app/backend/data/uploads/kept"));
        Assert.Equal(HttpStatusCode.OK, (await tenant.ChatAsync("mistral:7b-instruct", "Hello once more")).Status);
        Assert.Equal(3, (await tenant.UsageAsync(3)).Events);

        await tenant.ActAsync("delete");
        await tenant.WaitForAsync("deleted");
        Assert.Empty(await tenant.ContainersAsync());
        Assert.DoesNotContain(await Docker.LinesAsync("network", "ls", "--format", "{{.Name}}"), name => name.Contains(tenant.Id.ToString(), StringComparison.Ordinal));
        Assert.DoesNotContain(await Docker.LinesAsync("volume", "ls", "--quiet"), name => name.Contains(tenant.Id.ToString(), StringComparison.Ordinal));
        // All that is left is the last copy.
        Assert.Equal($"{platform.AppData}/closed/{tenant.Id}", await Docker.ExecAsync("controlplane", "find", platform.AppData, "-name", tenant.Id.ToString()));
        var dump = await Docker.ExecAsync("controlplane", "head", "-c", "5", $"{platform.AppData}/closed/{tenant.Id}/database.dump");
        Assert.Equal("PGDMP", dump);
    }
}
