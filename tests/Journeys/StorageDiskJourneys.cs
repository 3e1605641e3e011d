using static ControlPlane.Tests.Support.StorageRig;

namespace ControlPlane.Tests;

/// <summary>What follows from a disk that has less free space than the reserve.</summary>
[Trait("Category", "Slow")]
public sealed class StorageDiskJourneys
{
    [Fact]
    public async Task Below_the_reserve_no_environment_is_created_and_those_that_store_too_much_are_stopped_at_once()
    {
        await using var rig = await StartAsync();
        var (large, small) = (await ReadyAsync(rig), await ReadyAsync(rig));
        Data(rig).Stored[small.Id.ToString()] = 1 * Gib;
        var report = await MeasureAsync(rig, large, 11 * Gib, freeGib: 4);
        Assert.Contains(report.Alerts, alert => alert.StartsWith("The disk of the environments has 4 GiB of free space, less than the reserve of 5 GiB", StringComparison.Ordinal));
        var waiting = await rig.TenantAsync();

        var provisioned = await rig.ProvisionAsync();
        Assert.Equal(["suspended", "ready", "requested"], new[] { (await rig.StatusAsync(large)).State, (await rig.StatusAsync(small)).State, (await rig.StatusAsync(waiting)).State });
        Assert.StartsWith("1 tenant waits for its environment. The disk of the environments has 4 GiB", Assert.Single(provisioned.Alerts), StringComparison.Ordinal);

        await MeasureAsync(rig, large, 11 * Gib);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(waiting)).State);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_read_counts_as_it_was_read_last_and_one_that_is_gone_does_not()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 1 * Gib, freeGib: 4);
        await rig.ScalarAsync<int>("update control.disk_space set measured_at = now() - interval '1 day' returning 1");
        var waiting = await rig.TenantAsync();

        (Data(rig).Disks, Data(rig).HasUnreadableDisk) = ([new(DiskSpace.OwnDisk, 100 * Gib, 200 * Gib)], true);
        Data(rig).Stored[tenant.Id.ToString()] = 11 * Gib;
        var report = await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.Equal("Could not read the free disk space: no space left on device", Assert.Single(report.Failures));
        Assert.Equal(["suspended", "requested"], new[] { (await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(waiting)).State });

        Data(rig).HasUnreadableDisk = false;
        Assert.Empty((await rig.Get<MeasureStorage>().RunAsync(default)).Failures);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(waiting)).State);
    }

    [Fact]
    public async Task An_environment_that_cannot_be_measured_is_stopped_by_its_last_figure_or_while_the_disk_is_low()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        await MeasureAsync(rig, tenant, 1 * Gib, freeGib: 4);
        Data(rig).Unmeasurable = tenant.Id.ToString();
        var soon = await rig.Get<MeasureStorage>().RunAsync(default);
        Assert.Equal($"Could not measure the storage of tenant {tenant.Id}: permission denied", Assert.Single(soon.Failures));
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);

        await rig.ScalarAsync<int>("update control.environment_storage set measured_at = measured_at - interval '1 hour' returning 1");
        var report = await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.Contains(report.Alerts, alert => alert.StartsWith($"The environment of {tenant.Slug} has not been measured since ", StringComparison.Ordinal));
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
        Assert.Equal("Your environment was stopped because its storage cannot be measured", (await SubjectsAsync(rig))[^1]);

        // It still cannot be measured, and the disk has room.
        Data(rig).Disks = [new(DiskSpace.EnvironmentDisk, 100 * Gib, 200 * Gib)];
        report = await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.EndsWith("it will be stopped when the disk of the environments has less free space than the reserve.", Assert.Single(report.Alerts), StringComparison.Ordinal);
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);

        Data(rig).Unmeasurable = null;
        await MeasureAsync(rig, tenant, 11 * Gib);
        await rig.ScalarAsync<int>("update control.environment_storage set grace_until = now() - interval '1 second' returning 1");
        Data(rig).Unmeasurable = tenant.Id.ToString();
        await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task An_environment_that_was_never_measured_is_stopped_an_hour_after_it_was_ready_while_the_disk_is_low()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        (Data(rig).Disks, Data(rig).Unmeasurable) = ([new(DiskSpace.EnvironmentDisk, 4 * Gib, 200 * Gib)], tenant.Id.ToString());
        await rig.Get<MeasureStorage>().RunAsync(default);
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        await rig.ScalarAsync<int>("update control.environment set first_ready_at = first_ready_at - interval '1 hour' returning 1");
        await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.Equal("suspended", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task Where_no_environment_can_be_measured_none_is_stopped_for_it()
    {
        await using var rig = await StartAsync();
        RigTenant[] tenants = [await ReadyAsync(rig), await ReadyAsync(rig)];
        (Data(rig).Disks, Data(rig).Unmeasurable) = ([new(DiskSpace.EnvironmentDisk, 4 * Gib, 200 * Gib)], FakeDataPlane.All);
        await rig.ScalarAsync<int>("update control.environment set first_ready_at = first_ready_at - interval '1 hour' returning 1");
        var report = await rig.Get<MeasureStorage>().RunAsync(default);
        await rig.ProvisionAsync();
        Assert.Equal(2, report.Failures.Count);
        Assert.All(tenants, tenant => Assert.Equal("ready", rig.StatusAsync(tenant).Result.State));
    }

    [Fact]
    public async Task A_low_disk_of_the_control_plane_stops_no_environment()
    {
        await using var rig = await StartAsync();
        var tenant = await ReadyAsync(rig);
        Data(rig).Stored[tenant.Id.ToString()] = 11 * Gib;
        Data(rig).Disks = [new(DiskSpace.OwnDisk, 4 * Gib, 200 * Gib), new(DiskSpace.EnvironmentDisk, 100 * Gib, 200 * Gib)];

        var report = await rig.Get<MeasureStorage>().RunAsync(default);

        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        var alert = Assert.Single(report.Alerts, text => text.StartsWith("The disk of the control plane has 4 GiB", StringComparison.Ordinal));
        Assert.DoesNotContain("are stopped", alert, StringComparison.Ordinal);
        Assert.IsType<EnvironmentResult.Accepted>(await rig.Get<AllowCleanup>().RunAsync(tenant.Id, "operator", default));
    }
}
