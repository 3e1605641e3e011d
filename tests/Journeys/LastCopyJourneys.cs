namespace ControlPlane.Tests;

/// <summary>An environment is removed after a last copy, and the copy after its retention.</summary>
public sealed class LastCopyJourneys
{
    const string Reason = "no space left on device";

    [Fact, Trait("Category", "Quick")]
    public async Task As_long_as_the_last_copy_fails_nothing_is_removed_and_operators_are_told()
    {
        var dataPlane = new FakeDataPlane { BackupFailure = Reason };
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane);
        var tenant = await ReadyAsync(rig);

        await DeleteAsync(rig, tenant);
        var report = await rig.ProvisionAsync();

        Assert.Equal($"The environment of tenant {tenant.Id} failed at step backup: {Reason}", Assert.Single(report.Alerts));
        Assert.Equal(("failed", "active"), ((await rig.StatusAsync(tenant)).State, await StatusAsync(rig, tenant)));
        Assert.Empty(dataPlane.Removed);
        Assert.NotEmpty(await rig.Get<ISecretStore>().ReadAsync(tenant.Id, default));

        dataPlane.BackupFailure = null;
        Assert.IsType<EnvironmentResult.Accepted>(await rig.Get<OperateEnvironment>().RetryAsync(tenant.Id, "operator", default));
        await rig.ProvisionAsync();

        Assert.Equal(("deleted", "deleted"), ((await rig.StatusAsync(tenant)).State, await StatusAsync(rig, tenant)));
        Assert.Equal((tenant.Id, tenant.Id), (Assert.Single(dataPlane.Removed), Assert.Single(dataPlane.Backups.Keys)));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public async Task An_operator_deletes_without_a_last_copy_while_it_is_retried_or_after_it_has_failed(bool isRetried)
    {
        var dataPlane = new FakeDataPlane { BackupFailure = Reason };
        await using var rig = await ProvisioningRig.StartAsync(
            new ProvisioningOptions { Backoff = isRetried ? [TimeSpan.FromHours(1)] : [], PollWindow = TimeSpan.Zero }, dataPlane: dataPlane);
        var tenant = await ReadyAsync(rig);
        await DeleteAsync(rig, tenant);
        await rig.ProvisionAsync();
        Assert.Equal(isRetried ? "deleting" : "failed", (await rig.StatusAsync(tenant)).State);

        await DeleteAsync(rig, tenant, withoutBackup: true);
        await rig.ProvisionAsync();

        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
        Assert.Equal((1, 0), (dataPlane.Removed.Count, dataPlane.Backups.Count));
        Assert.Equal("left out by operator", await rig.ScalarAsync<string>("select max(detail) from control.provisioning_step where name = 'backup' and state = 'done'"));
    }

    [Fact]
    public async Task The_last_copy_is_deleted_after_the_retention_of_deleted_tenants_whatever_is_open()
    {
        var dataPlane = new FakeDataPlane();
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane);
        var (tenant, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        await DeleteAsync(rig, tenant);
        await DeleteAsync(rig, other);
        await rig.ProvisionAsync();
        await rig.ScalarAsync<int>("update control.tenant set deleted_at = deleted_at - interval '91 days' where id = $1 returning 1", tenant.Id);

        var report = await rig.Get<LastCopy>().DeleteExpiredAsync(default);

        Assert.Equal((1L, other.Id), (report.Counts["last_copies"], Assert.Single(dataPlane.Backups.Keys)));
        Assert.Equal(0, (await rig.Get<LastCopy>().DeleteExpiredAsync(default)).Counts["last_copies"]);
    }

    static async Task<RigTenant> ReadyAsync(ProvisioningRig rig)
    {
        var tenant = await rig.TenantAsync();
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        return tenant;
    }

    static async Task DeleteAsync(ProvisioningRig rig, RigTenant tenant, bool withoutBackup = false) =>
        Assert.IsType<EnvironmentResult.Accepted>(await rig.Get<OperateEnvironment>().DeleteAsync(tenant.Id, withoutBackup, "operator", default));

    static Task<string?> StatusAsync(ProvisioningRig rig, RigTenant tenant) => rig.ScalarAsync<string>("select status from control.tenant where id = $1", tenant.Id);
}
