using System.Globalization;
using System.Net;
using Xunit.Abstractions;

namespace ControlPlane.Tests.Engine;

/// <summary>What the control plane starts on a real engine, for each plan.</summary>
[Collection(SharedPlatform.Name), Trait("Category", "Engine")]
public sealed class EnvironmentTests(Platform platform, ITestOutputHelper output)
{
    const string LocalModel = "mistral:7b-instruct";
    const string Text = "How are you today";

    public static TheoryData<string> Plans => ["trial", "basic", "premium", "enterprise"];

    [Theory, MemberData(nameof(Plans))]
    public async Task An_environment_becomes_ready_and_its_chats_are_counted_once(string plan)
    {
        var tenant = await platform.TenantAsync(plan);
        output.WriteLine($"{plan}: ready after {tenant.Start.TotalSeconds:0} s");
        var before = await tenant.UsageAsync();

        var (status, body) = await tenant.ChatAsync(LocalModel, Text);

        Assert.True(status == HttpStatusCode.OK, $"{status}: {body}");
        Assert.Equal("Good morning.", body.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        var tokens = body.GetProperty("usage").GetProperty("total_tokens").GetInt64();
        Assert.Equal((before.Events + 1, before.Tokens + tokens), await tenant.UsageAsync(before.Events + 1));
    }

    [Fact]
    public async Task A_key_of_the_tenants_API_calls_the_gateway_as_its_user_and_no_other_key_does()
    {
        var tenant = await platform.TenantAsync("premium");
        var other = await platform.TenantAsync("basic");
        var before = await tenant.UsageAsync();
        var key = await tenant.CreateApiKeyAsync("support-bot");
        var call = new { model = LocalModel, messages = new[] { new { role = "user", content = Text } }, max_tokens = 20, user = "someone-else" };

        var (status, body) = await tenant.SendAsync("/v1/chat/completions", call, key, tenant.ApiHost);

        Assert.True(status == HttpStatusCode.OK, $"{status}: {body}");
        Assert.Equal(before.Events + 1, (await tenant.UsageAsync(before.Events + 1)).Events);
        Assert.Equal("support-bot", await Platform.QueryAsync($"select user_id from control.usage_event where tenant_id = '{tenant.Id}' order by recorded_at desc limit 1"));

        var virtualKey = (await tenant.EnvironmentAsync("open-webui"))["OPENAI_API_KEYS"];
        foreach (var wrong in (string?[])[null, "sk-1234", virtualKey, await other.CreateApiKeyAsync("support-bot")])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.SendAsync("/v1/chat/completions", call, wrong, tenant.ApiHost)).Status);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await tenant.SendAsync("/key/info", token: key, host: tenant.ApiHost)).Status);
        Assert.Equal(before.Events + 1, (await tenant.UsageAsync()).Events);
    }

    [Theory, MemberData(nameof(Plans))]
    public async Task A_container_has_the_limits_of_its_plan_and_no_rights(string plan)
    {
        var tenant = await platform.TenantAsync(plan);
        var sizes = PlanSizes.For(plan);
        var cpus = decimal.Parse(await Docker.RunAsync("info", "--format", "{{.NCPU}}"), CultureInfo.InvariantCulture);
        var limits = new Dictionary<string, Size>
        {
            ["open-webui"] = sizes.OpenWebui,
            ["litellm"] = sizes.Litellm,
            ["redis"] = sizes.Redis,
            ["database"] = sizes.Database,
            ["egress"] = PlanSizes.Egress,
            ["gateway-egress"] = PlanSizes.Egress,
        };
        foreach (var container in await tenant.ContainersAsync())
        {
            var service = container[$"tenant-{tenant.Id}-".Length..^2];
            // What the kernel holds the container to, rather than what the engine was asked for.
            var seen = (await Docker.ExecAsync(container, "sh", "-c", Look)).Split('\n').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
            Assert.True(seen["CapEff"] == "0000000000000000" && seen["CapBnd"] == "0000000000000000" && seen["NoNewPrivs"] == "1" && seen["Seccomp"] == "2", $"{container}: {string.Join(' ', seen)}");
            Assert.True(seen["root"] == "read-only" && seen["core"] == "0", $"{container}: {string.Join(' ', seen)}");
            Assert.NotEqual("0", seen["user"]);
            Assert.InRange(int.Parse(seen["score"], CultureInfo.InvariantCulture), 100, 1000);
            if (limits.TryGetValue(service, out var size))
            {
                var nano = decimal.Parse(await Docker.InspectAsync(container, "{{.HostConfig.NanoCpus}}"), CultureInfo.InvariantCulture);
                Assert.Equal(
                    (service, (long)size.MemoryMiB << 20, size.Pids, Math.Min(size.Cpus, cpus)),
                    (service, long.Parse(seen["memory"], CultureInfo.InvariantCulture), int.Parse(seen["pids"], CultureInfo.InvariantCulture), nano / 1e9m));
            }
        }
    }

    // Control groups of version 2 or 1.
    const string Look = """
        for name in CapEff CapBnd NoNewPrivs Seccomp; do echo "$name=$(sed -n "s/^$name:[[:space:]]*//p" /proc/1/status)"; done
        echo "user=$(id -u)"; echo "score=$(cat /proc/1/oom_score_adj)"; echo "core=$(sed -n 's/^Max core file size *\([0-9a-z]*\) .*/\1/p' /proc/1/limits)"
        if (: >/written) 2>/dev/null || (: >/etc/written) 2>/dev/null; then echo root=writable; else echo root=read-only; fi
        echo "memory=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)"
        echo "pids=$(cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null)"
        """;

    [Fact]
    public async Task Only_local_models_need_no_egress_proxy_and_those_of_other_plans_are_squid_without_root()
    {
        var trial = await platform.TenantAsync("trial");
        var premium = await platform.TenantAsync("premium");
        Assert.DoesNotContain(trial.Container("gateway-egress"), await trial.ContainersAsync());
        Assert.Equal("13:13", await Docker.InspectAsync(premium.Container("gateway-egress"), "{{.Config.User}}"));
        Assert.Equal("squid", await Docker.ExecAsync(premium.Container("gateway-egress"), "cat", "/proc/1/comm"));
        Assert.Equal("healthy", await Docker.InspectAsync(premium.Container("gateway-egress"), "{{.State.Health.Status}}"));
    }

    [Fact]
    public async Task What_an_environment_stores_is_measured_in_its_volumes()
    {
        var tenant = await platform.TenantAsync("basic");
        var dataPlane = new DockerCompose(
            new ProjectFolder(new ControlPlaneOptions { Domain = Platform.Domain, PublicUrl = new($"https://{Platform.Domain}"), DataDirectory = Path.GetTempPath() }, Samples.Options), Samples.Options);
        await Docker.ExecAsync(tenant.Container("open-webui"), "sh", "-c", "head -c 30000000 /dev/urandom > /app/backend/data/uploads/large");
        var before = await dataPlane.MeasureStorageAsync(tenant.Id.ToString(), Interruption.None, default);
        Assert.NotNull(before);
        Assert.InRange(before.Value, 30_000_000, 1_000_000_000);
        // A path that is longer than what one system call takes.
        await Docker.ExecAsync(
            tenant.Container("open-webui"), "python3", "-c",
            "import os; os.chdir('/app/backend/data/uploads'); name = 'd' * 200\nfor _ in range(30): os.mkdir(name); os.chdir(name)\nopen('deep', 'wb').write(os.urandom(20_000_000))");
        Assert.InRange((await dataPlane.MeasureStorageAsync(tenant.Id.ToString(), Interruption.Pause, default))!.Value, before.Value + 20_000_000, before.Value + 30_000_000);
        // Deleted, and kept open.
        const string hide = """
            import os, time
            os.chdir('/app/backend/data/uploads')
            hidden = open('hidden', 'wb')
            os.unlink('hidden')
            for _ in range(400): hidden.write(os.urandom(1_000_000))
            hidden.flush()
            os.fsync(hidden.fileno())
            open('is-hidden', 'w').close()
            time.sleep(3600)
            """;
        await Docker.RunAsync("exec", "--detach", tenant.Container("open-webui"), "python3", "-c", hide);
        await Docker.ExecAsync(tenant.Container("open-webui"), "sh", "-c", "while [ ! -e /app/backend/data/uploads/is-hidden ]; do sleep 1; done");
        var seen = (await dataPlane.MeasureStorageAsync(tenant.Id.ToString(), Interruption.Pause, default))!.Value;
        Assert.InRange(seen, 0, before.Value + 40_000_000);
        Assert.InRange((await dataPlane.MeasureStorageAsync(tenant.Id.ToString(), Interruption.Restart, default))!.Value, seen + 350_000_000, seen + 1_000_000_000);
        Assert.Contains(await dataPlane.ReadDisksAsync(default).ToListAsync(), disk => disk is { Name: "environments", FreeBytes: > 0 });
    }
}
