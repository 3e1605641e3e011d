using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>The models of a dedicated Ollama: those of the plan, and a tenant's own weights from the request to the gateway and back.</summary>
[Trait("Category", "Slow")]
public sealed class WeightsJourneys
{
    const string Source = "hf.co/acme/Support-GGUF:Q4_K_M";

    [Fact]
    public async Task A_dedicated_Ollama_gets_the_local_models_of_its_plan_once()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var (tenant, other) = (await StorageRig.ReadyAsync(rig, "enterprise"), await StorageRig.ReadyAsync(rig));
        await PullAsync(rig);
        await PullAsync(rig);

        var expected = await rig.ScalarAsync<string[]>("select array_agg('+' || substr(gateway_model, strpos(gateway_model, '/') + 1)) from control.model where is_local");
        Assert.Equal(expected!.Order(StringComparer.Ordinal), Data(rig).Models.Order(StringComparer.Ordinal));
        Assert.Null((await rig.StatusAsync(other)).Models);
        Assert.All((await rig.StatusAsync(tenant)).Models!, model => Assert.Equal(("ready", (long?)4_000_000_000), (model.State, model.SizeBytes)));
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        // A model of the plan is in the gateway already.
        Assert.Equal(2, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run"));
    }

    [Fact]
    public async Task Own_weights_are_downloaded_then_offered_and_removed_from_the_gateway_and_Ollama()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var tenant = await StorageRig.ReadyAsync(rig, "enterprise");
        await PullAsync(rig);
        Assert.Equal("requested", Assert.IsType<WeightsResult.Accepted>(await AddAsync(rig, tenant)).Model.State);
        Assert.IsType<WeightsResult.Conflict>(await AddAsync(rig, tenant));
        Assert.IsType<WeightsResult.Conflict>(await AddAsync(rig, tenant, "other"));
        Assert.IsType<WeightsResult.Conflict>(await AddAsync(rig, tenant, "other", "llama3:8b"));
        Assert.DoesNotContain("own/bot", Data(rig).Offered);

        await PullAsync(rig);
        var model = Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!);
        Assert.Equal(("own/bot", Source, "ready", "abc"), (model.Name, model.Source, model.State, model.Digest));
        await rig.ProvisionAsync();
        Assert.Contains("own/bot", Data(rig).Offered);
        // Further jobs change nothing.
        await PullAsync(rig);
        Assert.Equal(2, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run"));

        Assert.Equal("removing", Assert.IsType<WeightsResult.Accepted>(await rig.Get<OwnWeights>().RemoveAsync(tenant.Id, "bot", "owner", default)).Model.State);
        Assert.IsType<WeightsResult.NotFound>(await rig.Get<OwnWeights>().RemoveAsync(tenant.Id, "own/bot", "owner", default));
        await PullAsync(rig);
        await PullAsync(rig);
        Assert.DoesNotContain("own/bot", Data(rig).Offered);
        Assert.Equal([$"+{Source}", $"-{Source}"], Data(rig).Models.Where(entry => entry.Contains("acme", StringComparison.Ordinal)));
        Assert.Empty((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!);

        Assert.IsType<WeightsResult.Accepted>(await AddAsync(rig, tenant));
        Assert.Equal(
            ["weights.added", "weights.removed", "weights.added"],
            await rig.ScalarAsync<string[]>("select array_agg(action order by occurred_at, id) from control.audit_log where action like 'weights.%'") ?? []);
    }

    [Fact]
    public async Task A_failed_download_says_why_and_may_be_repeated()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var tenant = await StorageRig.ReadyAsync(rig, "enterprise");
        await PullAsync(rig);
        foreach (var (result, reason) in new (PullResult, string)[] { (new PullResult.NotFound(), "Check the name"), (new PullResult.TooLarge(), "larger than what is left") })
        {
            Data(rig).Pull = (_, _, _) => Task.FromResult(result);
            await AddAsync(rig, tenant);
            await PullAsync(rig);
            await PullAsync(rig);
            var failed = Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!);
            Assert.Equal("failed", failed.State);
            Assert.Contains(reason, failed.Reason, StringComparison.Ordinal);
        }

        // What is the operator's matter is an alert, and is repeated by itself.
        Data(rig).Pull = (_, _, _) => Task.FromException<PullResult>(new StepFailedException("the network is unreachable"));
        await AddAsync(rig, tenant);
        await PullAsync(rig);
        Assert.Contains("the network is unreachable", Assert.Single((await rig.ProvisionAsync()).Alerts), StringComparison.Ordinal);
        Assert.DoesNotContain("unreachable", Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!).Reason, StringComparison.Ordinal);
        Data(rig).Pull = (_, _, _) => Task.FromResult<PullResult>(new PullResult.Present(1, "def"));
        await rig.ScalarAsync<int>("update control.tenant_model set next_attempt_at = now() where state = 'failed' returning 1");
        await PullAsync(rig);
        Assert.Equal("ready", Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!).State);
    }

    [Fact]
    public async Task A_download_shows_its_progress_and_ends_when_its_weights_are_removed()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var tenant = await StorageRig.ReadyAsync(rig, "enterprise");
        await PullAsync(rig);
        var cancelled = new TaskCompletionSource();
        Data(rig).Pull = async (_, onProgress, ct) =>
        {
            onProgress(43);
            await using var registration = ct.Register(cancelled.SetResult);
            await Task.Delay(Timeout.Infinite, ct);
            return new PullResult.NotFound();
        };
        await AddAsync(rig, tenant);
        await rig.ProvisionAsync();
        while (Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!).Percent != 43)
        {
            await Task.Delay(100);
        }

        await rig.Get<OwnWeights>().RemoveAsync(tenant.Id, "bot", "owner", default);
        await cancelled.Task;
        await rig.Get<PullModels>().WhenIdleAsync();
        Assert.Equal("removing", Assert.Single((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!).State);
        // The claim of the download has to end first.
        await rig.ScalarAsync<int>("update control.tenant_model set claimed_until = now() where state = 'removing' returning 1");
        await PullAsync(rig);
        Assert.Empty((await rig.Get<OwnWeights>().ListAsync(tenant.Id, default))!);
    }

    [Fact]
    public async Task Own_weights_are_authorized_and_counted_for_their_tenant_only()
    {
        await using var server = await TestServer.StartAsync();
        var (tenant, other) = (await server.CreateReadyTenantAsync("enterprise"), await server.CreateReadyTenantAsync("enterprise"));
        await AddAsync(tenant);
        Assert.False((await tenant.AuthorizeAsync(1, model: "own/bot")).Allow);
        await server.SqlAsync("update control.tenant_model set state = 'ready' where tenant_id = $1", tenant.Id);

        Assert.True((await tenant.AuthorizeAsync(1, model: "own/bot")).Allow);
        Assert.Equal(("model_not_in_plan", null), (await other.AuthorizeAsync(1, model: "own/bot")).Denial);
        var now = server.Clock.GetUtcNow();
        var (accepted, _, _) = await server.ReportAsync(tenant, Deliveries.Event("e1", now, model: "own/bot"), Deliveries.Event("e2", now, model: "own/none"), Deliveries.Event("e3", now)).CountsAsync();
        Assert.Equal(2, accepted);
        var (none, _, codes) = await server.ReportAsync(other, Deliveries.Event("e1", now, model: "own/bot")).CountsAsync();
        Assert.Equal((0, "unknown_model"), (none, Assert.Single(codes)));

        var rows = (await (await tenant.Http.GetAsync("/v1/usage?group_by=model")).ReadAsync()).GetProperty("items").EnumerateArray().ToList();
        var row = Assert.Single(rows, row => row.GetProperty("model").GetString() == "own/bot");
        Assert.True(row.GetProperty("total_tokens").GetInt64() > 0);
        Assert.Equal(0, row.GetProperty("cost").GetDecimal());

        // Reported after the removal.
        Assert.Equal(HttpStatusCode.Accepted, (await tenant.Http.DeleteAsync("/v1/weights/own/bot")).StatusCode);
        Assert.False((await tenant.AuthorizeAsync(1, model: "own/bot")).Allow);
        Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event("e4", now, model: "own/bot")).CountsAsync()).Accepted);
        await server.SqlAsync("update control.tenant_model set state = 'removed' where tenant_id = $1", tenant.Id);
        Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event("e5", now, model: "own/bot")).CountsAsync()).Accepted);

        // A plan without own weights.
        await server.SqlAsync("update control.tenant_model set state = 'ready' where tenant_id = $1", tenant.Id);
        await server.SqlAsync("update control.subscription set plan = 'premium' where tenant_id = $1", tenant.Id);
        Assert.False((await tenant.AuthorizeAsync(1, model: "own/bot")).Allow);
        Assert.Equal(HttpStatusCode.Conflict, (await tenant.Http.GetAsync("/v1/weights")).StatusCode);
    }

    [Fact]
    public async Task Only_names_of_libraries_are_accepted_and_only_in_plans_with_own_weights()
    {
        await using var server = await TestServer.StartAsync();
        var (tenant, basic) = (await server.CreateReadyTenantAsync("enterprise"), await server.CreateReadyTenantAsync());
        Assert.Equal(HttpStatusCode.Conflict, (await basic.Http.PostAsJsonAsync("/v1/weights", new { name = "bot", source = Source })).StatusCode);
        string[] refused =
        [
            "", "http://169.254.169.254/x", "https://hf.co/acme/model", "169.254.169.254/library/model", "registry.example.com/acme/model", "localhost:11434/a/b", "hf.co/acme", "hf.co/acme/model/blob",
            "hf.co/../model", "hf.co/acme/..", "../../etc/passwd", "/root/.ollama", "--insecure", "-h", "model --insecure", "model;id", "$(id)", "model\n", "gpt-oss:120b-cloud", "own/a/b", "a:b:c",
        ];
        foreach (var source in refused)
        {
            Assert.Equal((source, HttpStatusCode.BadRequest), (source, (await tenant.Http.PostAsJsonAsync("/v1/weights", new { name = "bot", source })).StatusCode));
        }

        foreach (var name in (string[])["", "Bot", "a b", "own/bot", "../x", "-a", "a,b", new string('a', 41)])
        {
            Assert.Equal((name, HttpStatusCode.BadRequest), (name, (await tenant.Http.PostAsJsonAsync("/v1/weights", new { name, source = Source })).StatusCode));
        }

        foreach (var (source, n) in new[] { "qwen2.5:7b", "mistral-nemo", "user/model:latest", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF", Source }.Select((source, n) => (source, n)))
        {
            Assert.Equal((source, HttpStatusCode.Accepted), (source, (await tenant.Http.PostAsJsonAsync("/v1/weights", new { name = $"bot{n}", source })).StatusCode));
        }

        Assert.Equal(HttpStatusCode.Conflict, (await tenant.Http.PostAsJsonAsync("/v1/weights", new { name = "bot9", source = "mistral-nemo:latest" })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await tenant.Http.DeleteAsync("/v1/weights/none")).StatusCode);
        Assert.Equal(5, (await (await tenant.Http.GetAsync("/v1/weights")).ReadAsync()).GetProperty("items").GetArrayLength());
    }

    static async Task AddAsync(TestTenant tenant) =>
        Assert.Equal(HttpStatusCode.Accepted, (await tenant.Http.PostAsJsonAsync("/v1/weights", new { name = "bot", source = Source })).StatusCode);

    static Task<WeightsResult> AddAsync(ProvisioningRig rig, RigTenant tenant, string name = "bot", string source = Source) =>
        rig.Get<OwnWeights>().AddAsync(tenant.Id, name, source, "owner", default);

    static async Task PullAsync(ProvisioningRig rig)
    {
        Assert.Empty((await rig.ProvisionAsync()).Failures);
        await rig.Get<PullModels>().WhenIdleAsync();
    }

    static FakeDataPlane Data(ProvisioningRig rig) => StorageRig.Data(rig);
}
