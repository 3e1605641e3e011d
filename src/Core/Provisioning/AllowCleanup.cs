namespace ControlPlane.Provisioning;

/// <summary>An operator gives an environment that stores too much 24 hours in which its users can delete what they no longer need. It is started if it was stopped
/// for its storage.</summary>
public sealed class AllowCleanup(ControlDatabase database, ControlPlaneOptions options, EnvironmentLimits limits, Clock clock)
{
    public async Task<EnvironmentResult> RunAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.LockStorageAsync(tenant, ct) is not { } environment)
        {
            return new EnvironmentResult.NotFound();
        }

        if (environment.HasTrialEnded)
        {
            return new EnvironmentResult.Conflict("The trial has ended: change the plan or extend the trial before this environment may run.");
        }

        if (environment.IsUnpaid)
        {
            return new EnvironmentResult.Conflict("An invoice is unpaid, or the subscription has ended: until that changes, this environment may not run.");
        }

        if (environment.Storage is not { IsOver: true } storage)
        {
            return new EnvironmentResult.Conflict("The environment stores no more than its plan includes.");
        }

        // It would be stopped again within minutes.
        var now = clock.GetUtcNow();
        if ((await DiskSpace.FindLowAsync(transaction, limits, ct)).Any(disk => disk.Name == DiskSpace.EnvironmentDisk))
        {
            return new EnvironmentResult.Conflict("The disk of the environments has less free space than the reserve: free some before this environment may run.");
        }

        await transaction.WriteStorageAsync(tenant, storage.Allowed(now), ct);
        var state = storage.StoppedAt is not null && environment.IsTenantActive
            ? await transaction.QueueProvisioningAsync(clock, options, tenant, environment.Slug, RunKinds.Resume, ct)
            : environment.State;
        await transaction.AuditAsync(clock, tenant, actor, "environment.cleanup_allowed", new { storage.Bytes, storage.AllowedBytes }, ct);
        await transaction.CommitAsync(ct);
        return new EnvironmentResult.Accepted(state);
    }
}
