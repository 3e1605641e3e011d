namespace ControlPlane.Tests.Support;

/// <summary>A rig whose environments store as much as a test says.</summary>
static class StorageRig
{
    public const long Gib = 1L << 30;

    public static Task<ProvisioningRig> StartAsync() => ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());

    public static FakeDataPlane Data(ProvisioningRig rig) => (FakeDataPlane)rig.Get<IDataPlane>();

    public static async Task<RigTenant> ReadyAsync(ProvisioningRig rig, string plan = "basic")
    {
        var tenant = await rig.TenantAsync(plan);
        await rig.ScalarAsync<int>("update control.member set confirmed_at = now() where tenant_id = $1 returning 1", tenant.Id);
        await rig.ProvisionAsync();
        return tenant;
    }

    public static async Task<JobReport> MeasureAsync(ProvisioningRig rig, RigTenant tenant, long bytes, int freeGib = 100)
    {
        Data(rig).Stored[tenant.Id.ToString()] = bytes;
        Data(rig).Disks = [new(DiskSpace.EnvironmentDisk, freeGib * Gib, 200 * Gib)];
        var report = await rig.Get<MeasureStorage>().RunAsync(default);
        Assert.Empty(report.Failures);
        return report;
    }

    /// <summary>Of the emails about storage, oldest first.</summary>
    public static async Task<string[]> SubjectsAsync(ProvisioningRig rig) =>
        await rig.ScalarAsync<string[]>("select array_agg(subject order by created_at, id) from control.outbox where dedupe_key like 'storage:%'") ?? [];
}
