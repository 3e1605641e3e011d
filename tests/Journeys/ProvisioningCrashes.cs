using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Provisioning with killed, stale and concurrent workers, and failing steps.</summary>
public sealed class ProvisioningCrashes
{
    static readonly TimeSpan LeaseDuration = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Twenty_concurrent_workers_provision_once()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);

        var reports = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => rig.ProvisionAsync()));

        Assert.Equal(1, reports.Sum(report => report.Counts["succeeded"]));
        Assert.Equal(1, await rig.ScalarAsync<long>("select fencing_token from control.provisioning_run where tenant_id = $1", tenant.Id));
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.outbox where tenant_id = $1", tenant.Id));
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.tenant_key where tenant_id = $1", tenant.Id));
    }

    [Fact]
    public async Task Twenty_concurrent_requests_queue_one_run()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => rig.RequestAsync(tenant, RunKinds.Provision)));
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run"));
    }

    [Fact]
    public async Task A_stale_workers_write_is_rejected()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await using var stale = await Lease.ClaimAsync(rig.Database, LeaseDuration, default);
        Assert.Null(await Lease.ClaimAsync(rig.Database, LeaseDuration, default));
        await rig.ExpireLeasesAsync();
        await using var fresh = await Lease.ClaimAsync(rig.Database, LeaseDuration, default);

        var write = (Lease lease, string detail) => lease.WriteAsync(
            transaction => transaction.ExecuteAsync("update control.environment set detail = $1 where tenant_id = $2", default, detail, tenant.Id), default);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write(stale!, "stale"));
        Assert.True(stale!.Lost.IsCancellationRequested);
        await write(fresh!, "fresh");

        Assert.Equal(stale.Run.Id, fresh!.Run.Id);
        Assert.True(fresh.Run.FencingToken > stale.Run.FencingToken);
        Assert.Equal("fresh", (await rig.StatusAsync(tenant)).Detail);
    }

    [Fact]
    public async Task A_deletion_cancels_active_provisioning_and_waits_until_it_has_stopped()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await using var provisioning = await Lease.ClaimAsync(rig.Database, LeaseDuration, default);

        Assert.Equal(EnvironmentState.Deleting, await rig.RequestAsync(tenant, RunKinds.Delete));
        Assert.Null(await Lease.ClaimAsync(rig.Database, LeaseDuration, default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => provisioning!.WriteAsync(_ => Task.CompletedTask, default));
        await provisioning!.ReleaseAsync();
        await rig.ProvisionAsync();

        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
        Assert.Equal("cancelled", await rig.ScalarAsync<string>("select state from control.provisioning_run where id = $1", provisioning.Run.Id));
    }

    [Fact]
    public async Task A_failing_step_is_attempted_five_times_and_an_operator_can_retry_it_after_the_fix()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        var environments = Path.Combine(rig.DataFolder, "environments");
        await File.WriteAllTextAsync(environments, "in the way");
        await rig.RequestAsync(tenant, RunKinds.Provision);

        var report = await rig.ProvisionAsync();

        Assert.Equal((4, 1), (report.Counts["will_retry"], report.Counts["failed"]));
        Assert.Contains(report.Alerts, alert => alert.Contains(tenant.Id.ToString(), StringComparison.Ordinal));
        var failed = await rig.StatusAsync(tenant);
        Assert.Equal(("failed", "database"), (failed.State, failed.FailedStep));
        Assert.Contains("environments", failed.FailedReason, StringComparison.Ordinal);
        Assert.Equal(["done", "failed", "pending"], failed.Steps.Take(3).Select(step => step.State));

        File.Delete(environments);
        Assert.IsType<EnvironmentResult.Accepted>(await rig.Get<OperateEnvironment>().RetryAsync(tenant.Id, "operator", default));
        await rig.ProvisionAsync();
        Assert.Equal(("ready", null), ((await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(tenant)).FailedStep));
    }

    [Fact]
    public async Task Between_attempts_the_reason_is_shown_and_the_delay_grows()
    {
        await using var rig = await ProvisioningRig.StartAsync(new ProvisioningOptions { PollWindow = TimeSpan.Zero });
        var tenant = await rig.TenantAsync();
        await File.WriteAllTextAsync(Path.Combine(rig.DataFolder, "environments"), "in the way");
        await rig.RequestAsync(tenant, RunKinds.Provision);
        foreach (var delay in new[] { 5, 15, 60, 300 })
        {
            await rig.ProvisionAsync();
            var seconds = await rig.ScalarAsync<double>("select extract(epoch from next_attempt_at - now())::float8 from control.provisioning_run");
            Assert.InRange(seconds, delay - 4, delay);
            Assert.Equal(("provisioning", "database"), ((await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(tenant)).FailedStep));
            await rig.ScalarAsync<int>("update control.provisioning_run set next_attempt_at = now() returning 1");
        }

        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["failed"]);
    }

    [Fact]
    public async Task A_partial_deletion_is_completed_by_the_next_worker()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();
        await rig.RequestAsync(tenant, RunKinds.Delete);
        // A worker that executed the first four steps and died before it recorded them.
        await using (var killed = await Lease.ClaimAsync(rig.Database, LeaseDuration, default))
        {
            Directory.Delete(Path.Combine(rig.DataFolder, "environments", tenant.Id.ToString()), recursive: true);
            Directory.Delete(Path.Combine(rig.DataFolder, "models", tenant.Id.ToString()), recursive: true);
        }

        await rig.ExpireLeasesAsync();
        await rig.ProvisionAsync();
        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
    }

    /// <summary>The real program is ended while it waits for docker; a second process continues the run.</summary>
    /// <param name="signal">KILL: the process does nothing more, and the lease must expire. INT: the process releases the run.</param>
    [Theory, UnsupportedOSPlatform("windows")]
    [InlineData("KILL")]
    [InlineData("INT")]
    public async Task A_run_whose_process_ends_continues_where_it_stopped(string signal)
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        var go = Path.Combine(rig.DataFolder, "go");
        var bin = Directory.CreateDirectory(Path.Combine(rig.DataFolder, "bin")).FullName;
        var docker = Path.Combine(bin, "docker");
        await File.WriteAllTextAsync(docker, $"#!/bin/sh\ncase \"$*\" in *' up '*' database') ;; *' up '*) while [ -d '{bin}' ] && [ ! -e '{go}' ]; do sleep 0.05; done;; esac\n");
        File.SetUnixFileMode(docker, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        using (var first = StartJob(rig, bin))
        {
            while ((await rig.StatusAsync(tenant)).Steps.All(step => step is not { Name: "workloads", State: "running" }))
            {
                Assert.False(first.HasExited, "the job ended early");
                await Task.Delay(50);
            }

            using var kill = Process.Start("kill", [$"-{signal}", first.Id.ToString(CultureInfo.InvariantCulture)]);
            await first.WaitForExitAsync();
        }

        var before = await rig.StatusAsync(tenant);
        Assert.Equal("provisioning", before.State);
        await File.WriteAllTextAsync(go, "");
        if (signal == "KILL")
        {
            Assert.Null(await Lease.ClaimAsync(rig.Database, LeaseDuration, default));
            await rig.ExpireLeasesAsync();
        }

        using var second = StartJob(rig, bin);
        await second.WaitForExitAsync();

        var after = await rig.StatusAsync(tenant);
        Assert.Equal(("ready", "running"), (after.State, after.Detail));
        Assert.Equal(before.Steps.Where(step => step.State == "done"), after.Steps.Take(4));
        Assert.Equal(2, await rig.ScalarAsync<long>("select fencing_token from control.provisioning_run where tenant_id = $1", tenant.Id));
        Assert.Equal(signal == "KILL" ? 1 : 0, await rig.ScalarAsync<int>("select interruptions from control.provisioning_run where tenant_id = $1", tenant.Id));
    }

    [Fact]
    public async Task A_run_that_ends_its_worker_again_and_again_fails_and_others_come_first()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (crashing, other) = (await rig.TenantAsync(), await rig.TenantAsync());
        await rig.RequestAsync(crashing, RunKinds.Provision);
        for (var kill = 0; kill < 5; kill++)
        {
            await using (var killed = await Lease.ClaimAsync(rig.Database, LeaseDuration, default))
            {
                Assert.Equal((crashing.Id, kill, 0), (killed!.Run.Tenant, killed.Run.Interruptions, killed.Run.Attempts));
            }

            await rig.ExpireLeasesAsync();
            Assert.Null(await Lease.ClaimAsync(rig.Database, LeaseDuration, default, includeRetries: false));
        }

        await rig.RequestAsync(other, RunKinds.Provision);
        await using (var first = await Lease.ClaimAsync(rig.Database, LeaseDuration, default))
        {
            Assert.Equal(other.Id, first!.Run.Tenant);
            await first.ReleaseAsync();
        }

        var report = await rig.ProvisionAsync();

        Assert.Equal((1, 1), (report.Counts["succeeded"], report.Counts["failed"]));
        Assert.Contains("interrupted 5 times", Assert.Single(report.Alerts), StringComparison.Ordinal);
        Assert.Equal(("failed", "secrets"), ((await rig.StatusAsync(crashing)).State, (await rig.StatusAsync(crashing)).FailedStep));
        Assert.IsType<EnvironmentResult.Accepted>(await rig.Get<OperateEnvironment>().RetryAsync(crashing.Id, "operator", default));
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(crashing)).State);
    }

    [Fact]
    public async Task A_run_that_was_interrupted_has_as_many_attempts_as_any_other()
    {
        var dataPlane = new FakeDataPlane { Start = (_, _) => throw new InvalidOperationException("no image") };
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane);
        await rig.RequestAsync(await rig.TenantAsync(), RunKinds.Provision);
        await rig.ScalarAsync<int>("update control.provisioning_run set interruptions = 4 returning 1");
        var report = await rig.ProvisionAsync();
        Assert.Equal((4, 1), (report.Counts["will_retry"], report.Counts["failed"]));
    }

    static Process StartJob(ProvisioningRig rig, string bin)
    {
        string[] arguments = ["job", JobSchedules.Provision.Name, "--data", rig.DataFolder, "--database", rig.ConnectionString];
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "controlplane.dll"), .. arguments]);
        start.Environment["CONTROLPLANE_DATAPLANE"] = "compose";
        start.Environment["PATH"] = $"{bin}:{Environment.GetEnvironmentVariable("PATH")}";
        return Process.Start(start)!;
    }
}
