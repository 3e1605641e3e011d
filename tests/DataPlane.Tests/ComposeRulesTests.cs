namespace ControlPlane.Tests;

/// <summary>The rules hold for every golden file and every option, and find each violation that is planted.</summary>
public sealed class ComposeRulesTests
{
    [Fact]
    public void No_golden_file_violates_a_rule()
    {
        var files = Directory.GetFiles(Vps.Repository.At("tests/DataPlane.Tests/Golden"), "compose.yaml", SearchOption.AllDirectories);
        Assert.Equal(Samples.Plans.Length, files.Length);
        Assert.All(files, file => Assert.Equal([], ComposeRules.Violations(File.ReadAllText(file))));
    }

    [Fact]
    public void No_plan_violates_a_rule_with_every_option() => Assert.All(Samples.Plans, plan =>
    {
        var options = Samples.Options with
        {
            Qdrant = true,
            VolumeLimitGib = 60,
            DedicatedGpus = 1,
            WebPagePlans = Samples.Plans,
            ControlPlaneUrl = new("http://host.docker.internal:5000"),
            OllamaUrl = new("http://10.1.2.3:11434"),
        };
        var compose = ComposeRendering.Render(Samples.Environment(plan) with { IdentityProviderHosts = ["login.example.org"] }, options, "/models").Compose;
        Assert.Equal([], ComposeRules.Violations(compose));
        Assert.All(["egress", "gateway-egress", "qdrant"], (string service) => Assert.Contains($"\n  {service}:\n", compose, StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("image: redis:8.8.2-alpine", "image: redis:latest", "redis: redis:latest has no exact version")]
    [InlineData("image: redis:8.8.2-alpine", "image: redis", "redis: redis has no exact version")]
    [InlineData("litellm-non_root:v1.108.17", "litellm-non_root:v1.82.8", "litellm: ghcr.io/berriai/litellm-non_root:v1.82.8 is a refused version")]
    [InlineData("    pids_limit: 64\n", "", "redis: no pids_limit")]
    [InlineData("    pids_limit: 64\n    oom_score_adj: 500\n", "    pids_limit: 64\n", "redis: no oom_score_adj")]
    [InlineData("    pids_limit: 64\n    oom_score_adj: 500\n", "    pids_limit: 64\n    oom_score_adj: -900\n", "redis: no oom_score_adj")]
    [InlineData("    blkio_config:\n      weight: 10\n", "", "redis: more than the smallest share of a busy disk")]
    [InlineData("      weight: 10\n", "      weight: 100\n", "redis: more than the smallest share of a busy disk")]
    [InlineData("    mem_limit: 128m\n", "", "redis: no mem_limit")]
    [InlineData("    mem_limit: 128m\n", "    mem_limit: unlimited\n", "redis: no mem_limit")]
    [InlineData("    cpus: 0.25\n", "", "redis: no cpus")]
    [InlineData("user: 999:1000\n", "user: 0:0\n", "redis: runs as root")]
    [InlineData("    user: 999:1000\n", "", "redis: runs as root")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    privileged: true\n", "redis: privileged is not allowed")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    cap_add: [NET_ADMIN]\n", "redis: cap_add is not allowed")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    network_mode: host\n", "redis: network_mode is not allowed")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    pid: host\n", "redis: pid is not allowed")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    ports: ['6379:6379']\n", "redis: ports is not allowed")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    devices: [/dev/kmsg]\n", "redis: devices is not allowed")]
    [InlineData("      - redis:/data\n", "      - /var/run/docker.sock:/var/run/docker.sock\n", "redis: mounts /var/run/docker.sock:/var/run/docker.sock")]
    [InlineData("      - redis:/data\n", "      - /:/host:ro\n", "redis: mounts /:/host:ro")]
    [InlineData("      - redis:/data\n", "      - ./litellm/config.yaml:/data\n", "redis: mounts ./litellm/config.yaml:/data")]
    [InlineData("      REDIS_PASSWORD: ${REDIS_PASSWORD}\n    volumes", "      REDIS_PASSWORD: hunter2\n    volumes", "redis: REDIS_PASSWORD is inline")]
    [InlineData("OPENAI_API_KEYS: ${LITELLM_VIRTUAL_KEY}", "OPENAI_API_KEYS: sk-1234", "open-webui: OPENAI_API_KEYS is inline")]
    [InlineData("REDIS_URL: redis://:${REDIS_PASSWORD}@redis", "REDIS_URL: redis://:hunter2@redis", "open-webui: REDIS_URL is inline")]
    [InlineData("postgresql://open_webui:${DATABASE_PASSWORD}@", "postgresql://open_webui:hunter2@", "open-webui: DATABASE_URL is inline")]
    [InlineData("/backend/data\n    networks:\n      - private\n", "/backend/data\n    networks:\n      - private\n      - models\n", "open-webui: shares the network models")]
    [InlineData("/backend/data\n    networks:\n      - private\n", "/backend/data\n    networks:\n      - private\n      - outside\n", "open-webui: shares the network outside")]
    [InlineData("/backend/data\n    networks:\n      - private\n", "/backend/data\n    networks:\n      - private\n      - gateway\n", "open-webui: shares the network gateway")]
    [InlineData("/backend/data\n    networks:\n      - private\n", "/backend/data\n", "open-webui: shares the network default")]
    [InlineData("      - models\n      - gateway\n", "      - models\n      - outside\n", "litellm: shares the network outside")]
    [InlineData("    name: tenant-01900000-0000-7000-8000-000000000001_private\n    external: true\n", "    name: tenant-01900000-0000-7000-8000-000000000001_private\n", "network private: not one that the control plane creates")]
    [InlineData("name: tenant-01900000-0000-7000-8000-000000000001_private\n    external", "name: bridge\n    external", "network private: not one that the control plane creates")]
    [InlineData("    user: 999:1000\n", "    user: 999:1000\n    labels:\n      traefik.enable: 'true'\n", "redis: is reached from the internet: traefik.enable")]
    [InlineData("Path(`/v1/models`))", "Path(`/key/generate`))", "litellm: is reached from the internet at Host(`api.beispiel-2.users.example.com`) && (Path(`/v1/chat/completions`) || Path(`/v1/completions`) || Path(`/v1/embeddings`) || Path(`/v1/images/generations`) || Path(`/key/generate`))")]
    [InlineData("Path(`/v1/models`))", "PathPrefix(`/v1/models`))", "litellm: is reached from the internet at Host(`api.beispiel-2.users.example.com`) && (Path(`/v1/chat/completions`) || Path(`/v1/completions`) || Path(`/v1/embeddings`) || Path(`/v1/images/generations`) || PathPrefix(`/v1/models`))")]
    [InlineData("tenant-01900000-0000-7000-8000-000000000001-api-rate,tenant-01900000-0000-7000-8000-000000000001-api-key,tenant-01900000-0000-7000-8000-000000000001-api-identity", "tenant-01900000-0000-7000-8000-000000000001-api-identity", "litellm: is reached from the internet without a check of keys")]
    [InlineData("tenant-01900000-0000-7000-8000-000000000001-api-key,tenant-01900000-0000-7000-8000-000000000001-api-identity", "tenant-01900000-0000-7000-8000-000000000001-api-identity,tenant-01900000-0000-7000-8000-000000000001-api-key", "litellm: is reached from the internet without a check of keys")]
    [InlineData("forwardauth.authresponseheadersregex: ^([^AC]|A[^c]|C[^ao]|Co[^n]|Con[^t])", "forwardauth.authresponseheadersregex: ^X-Openwebui-User-Id$", "litellm: is reached from the internet without a check of keys")]
    [InlineData("Authorization: Bearer ${LITELLM_VIRTUAL_KEY}", "Authorization: Bearer sk-1234", "litellm: is reached from the internet without a check of keys")]
    [InlineData("  redis:\n    image", "  evil:\n    image", "evil: shares the network private")]
    public void A_violation_is_found(string rendered, string planted, string violation)
    {
        var compose = ComposeRendering.Render(Samples.Environment("basic"), Samples.Options, "/models").Compose;
        // In the service that the violation names, or anywhere in the file.
        var service = violation[..violation.IndexOf(':', StringComparison.Ordinal)];
        var start = Math.Max(0, compose.IndexOf($"\n  {service}:\n", StringComparison.Ordinal));
        var at = compose.IndexOf(rendered, start, StringComparison.Ordinal);
        Assert.True(at >= 0, $"the file has no {rendered}");
        Assert.Equal([violation], ComposeRules.Violations(compose[..at] + planted + compose[(at + rendered.Length)..]));
    }

    [Theory]
    [InlineData("    read_only: true\n", "")]
    [InlineData("    cap_drop:\n      - ALL\n", "    cap_drop:\n      - NET_RAW\n")]
    [InlineData("      - no-new-privileges:true\n", "      - seccomp:unconfined\n")]
    public void A_service_with_more_privileges_is_found(string rendered, string planted)
    {
        var compose = ComposeRendering.Render(Samples.Environment("basic"), Samples.Options, "/models").Compose;
        Assert.Equal(
            ((string[])["open-webui", "litellm", "redis", "database", "egress", "gateway-egress"]).Select(name => $"{name}: has more privileges than it needs"),
            ComposeRules.Violations(compose.Replace(rendered, planted, StringComparison.Ordinal)));
    }
}
