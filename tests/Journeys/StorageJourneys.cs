using System.Net;
using System.Text.Json;
using static ControlPlane.Tests.Support.StorageRig;

namespace ControlPlane.Tests;

/// <summary>What environments store, from the measurement to the stop and the start. The plan basic includes 10 GiB.</summary>
[Trait("Category", "Slow")]
public sealed class StorageJourneys
{
    [Fact]
    public async Task An_owner_is_told_before_the_environment_is_stopped_and_it_runs_again_when_it_fits()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);

        Assert.Empty((await MeasureAsync(rig, tenant, 7 * Gib)).Alerts);
        Assert.Empty(await SubjectsAsync(rig));
        await MeasureAsync(rig, tenant, 9 * Gib);
        await MeasureAsync(rig, tenant, 9 * Gib);
        Assert.Equal(["You have used 90 % of your storage"], await SubjectsAsync(rig));

        var alert = Assert.Single((await MeasureAsync(rig, tenant, 11 * Gib)).Alerts);
        Assert.StartsWith($"The environment of {tenant.Slug} stores 11 GiB of 10 GiB: it will be stopped at ", alert, StringComparison.Ordinal);
        Assert.Equal("Your storage is full", (await SubjectsAsync(rig))[^1]);
        await rig.ProvisionAsync();
        var status = await rig.StatusAsync(tenant);
        Assert.Equal(("ready", 11 * Gib, 10 * Gib), (status.State, status.Storage!.UsedBytes, status.Storage.AllowedBytes));
        Assert.NotNull(status.Storage.StopsAt);

        await EndGraceAsync(rig);
        Assert.Contains("stopped since", Assert.Single((await MeasureAsync(rig, tenant, 11 * Gib)).Alerts), StringComparison.Ordinal);
        await rig.ProvisionAsync();
        status = await rig.StatusAsync(tenant);
        Assert.Equal(("suspended", true, null), (status.State, status.Storage!.StoppedAt is not null, status.Storage.StopsAt));
        await MeasureAsync(rig, tenant, 11 * Gib);
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run where state in ('queued', 'running')"));

        // A larger plan.
        await rig.ScalarAsync<int>("update control.tenant set requested_plan = 'premium' returning 1");
        await MeasureAsync(rig, tenant, 11 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal(("ready", null), ((await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(tenant)).Storage!.StoppedAt));
        Assert.Equal(
            ["You have used 90 % of your storage", "Your storage is full", "Your environment was stopped because its storage is full", "Your environment is being started again"],
            await SubjectsAsync(rig));
        Assert.Equal(
            ["environment.stopped_for_storage", "environment.started_for_storage"],
            await rig.ScalarAsync<string[]>("select array_agg(action order by occurred_at, id) from control.audit_log where actor = 'job:storage'") ?? []);
    }

    [Fact]
    public async Task An_operator_gives_one_tenant_more_storage_than_its_plan_includes()
    {
        await using var rig = await StartAsync();
        var (tenant, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        Data(rig).Stored[other.Id.ToString()] = 13 * Gib;
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();

        var limits = new LimitOverride(null, null, null, null, null, StorageGib: 20, "Ticket 4711");
        Assert.IsType<OverrideResult.Done>(await rig.Get<OverrideLimits>().SetAsync(tenant.Id, limits, "operator", default));
        Assert.IsType<OverrideResult.Invalid>(await rig.Get<OverrideLimits>().SetAsync(tenant.Id, limits with { StorageGib = 0 }, "operator", default));
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();

        Assert.Equal(["ready", "suspended"], new[] { (await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(other)).State });
        Assert.Equal(20 * Gib, (await rig.StatusAsync(tenant)).Storage!.AllowedBytes);
        await using var transaction = await rig.Database.BeginJobAsync(default);
        Assert.Equal(limits, await OverrideLimits.FindAsync(transaction, tenant.Id, default));
    }

    [Fact]
    public async Task What_else_starts_a_stopped_environment_does_not_keep_it_running()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);

        await rig.RequestAsync(tenant, RunKinds.Resume);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task An_environment_that_ran_before_it_was_measured_has_24_hours_and_its_owner_is_told()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await rig.ScalarAsync<int>("update control.environment set first_ready_at = first_ready_at - interval '1 day' returning 1");
        await MeasureAsync(rig, tenant, 40 * Gib);
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        Assert.Equal(["Your storage is full"], await SubjectsAsync(rig));

        await EndGraceAsync(rig);
        await MeasureAsync(rig, tenant, 40 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task A_trial_that_has_ended_is_not_started_because_its_storage_fits_or_may_be_cleaned_up()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();
        await rig.ScalarAsync<int>("update control.environment set trial_stage = 'stopped', trial_stage_at = now() returning 1");

        Assert.IsType<EnvironmentResult.Conflict>(await rig.Get<AllowCleanup>().RunAsync(tenant.Id, "operator", default));
        await MeasureAsync(rig, tenant, 1 * Gib);
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task An_environment_that_is_restarted_all_the_time_is_stopped_as_well()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        Assert.Equal(EnvironmentState.Updating, await rig.RequestAsync(tenant, RunKinds.Restart));
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task What_fits_before_the_stop_has_finished_is_started_after_it()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 13 * Gib);
        Assert.Equal("updating", (await rig.StatusAsync(tenant)).State);
        await MeasureAsync(rig, tenant, 1 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
        await MeasureAsync(rig, tenant, 1 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task A_tenant_that_an_operator_has_suspended_is_not_started_because_its_storage_fits()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 13 * Gib);
        await rig.ProvisionAsync();
        await rig.Get<OperateEnvironment>().SuspendAsync(tenant.Id, "operator", default);
        await rig.ProvisionAsync();
        await MeasureAsync(rig, tenant, 1 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);

        await rig.Get<OperateEnvironment>().ResumeAsync(tenant.Id, "operator", default);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task While_the_disk_is_low_an_environment_is_restarted_now_and_then_so_that_deleted_files_which_are_open_count()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        // About one in twelve, which cannot be foreseen.
        for (var n = 0; n < 500 && !Data(rig).Interruptions.Contains(Interruption.Restart); n++)
        {
            await MeasureAsync(rig, tenant, 1 * Gib, freeGib: 4);
        }

        Assert.Contains(Interruption.Restart, Data(rig).Interruptions);
        Assert.Contains(Interruption.Pause, Data(rig).Interruptions);
    }

    [Fact]
    public async Task An_operator_allows_24_hours_to_clean_up_once_the_disk_has_room()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        var allow = rig.Get<AllowCleanup>();
        Assert.IsType<EnvironmentResult.Conflict>(await allow.RunAsync(tenant.Id, "operator", default));
        Assert.IsType<EnvironmentResult.NotFound>(await allow.RunAsync(Ids.New(rig.Get<Clock>()), "operator", default));
        Data(rig).Interruptions.Clear();
        await MeasureAsync(rig, tenant, 40 * Gib, freeGib: 4);
        Assert.DoesNotContain(Interruption.None, Data(rig).Interruptions);
        await rig.ProvisionAsync();
        Assert.IsType<EnvironmentResult.Conflict>(await allow.RunAsync(tenant.Id, "operator", default));

        await MeasureAsync(rig, tenant, 40 * Gib);
        Assert.Equal(new EnvironmentResult.Accepted(EnvironmentState.Updating), await allow.RunAsync(tenant.Id, "operator", default));
        await rig.ProvisionAsync();
        await MeasureAsync(rig, tenant, 42 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        await EndGraceAsync(rig);
        await MeasureAsync(rig, tenant, 30 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task An_environment_that_cannot_be_measured_keeps_no_other_from_it()
    {
        var dataPlane = new FakeDataPlane();
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane);
        var (broken, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        dataPlane.Stored[other.Id.ToString()] = 13 * Gib;
        dataPlane.Unmeasurable = broken.Id.ToString();

        var report = await rig.Get<MeasureStorage>().RunAsync(default);

        Assert.Equal($"Could not measure the storage of tenant {broken.Id}: permission denied", Assert.Single(report.Failures));
        Assert.Equal("updating", (await rig.StatusAsync(other)).State);
    }

    [Fact]
    public async Task Members_and_operators_see_the_storage_and_an_operator_allows_a_cleanup_on_the_page()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateReadyTenantAsync();
        await server.SqlAsync(
            """
            insert into control.environment_storage (tenant_id, bytes, allowed_bytes, measured_at, announced, grace_until, grace_bytes, stopped_at)
            values ($1, 13::bigint << 30, 10::bigint << 30, now(), 100, now() + interval '1 hour', 12::bigint << 30, now())
            """, tenant.Id);
        await server.SqlAsync("update control.environment set state = 'suspended' where tenant_id = $1", tenant.Id);

        var storage = JsonDocument.Parse(await tenant.Http.GetStringAsync("/v1/environment")).RootElement.GetProperty("storage");
        Assert.Equal((13 * Gib, 10 * Gib), (storage.GetProperty("used_bytes").GetInt64(), storage.GetProperty("allowed_bytes").GetInt64()));
        using var visitor = server.NewVisitor();
        await visitor.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        var page = await visitor.GetStringAsync($"/admin/tenants/{tenant.Id}");
        Assert.Contains("Storage: 13 GiB of 10 GiB", page, StringComparison.Ordinal);
        Assert.Contains("stopped because it stores more than the plan includes", page, StringComparison.Ordinal);

        await visitor.SubmitAsync($"/admin/tenants/{tenant.Id}", $"/admin/tenants/{tenant.Id}/cleanup");
        Assert.Contains("environment.cleanup_allowed", await visitor.GetStringAsync($"/admin/tenants/{tenant.Id}"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Accepted, (await server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/cleanup", content: null)).StatusCode);
    }

    static async Task EndGraceAsync(ProvisioningRig rig) =>
        await rig.ScalarAsync<int>("update control.environment_storage set grace_until = now() - interval '1 second' returning 1");
}
