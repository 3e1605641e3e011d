using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Provisioning;

/// <summary>
/// Requests a run for each environment whose tenant was approved, by an operator or by a payment, after it was started: until then its gateway uses less of what all environments share. A part of the
/// job <c>provision</c>.
/// </summary>
public sealed class ApplyApprovals(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    /// <summary>A tenant whose rows are locked for longer has its turn in the next run, a minute later.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Any number of processes may do so at once: each environment gets one run.</summary>
    public async Task RunAsync(JobParts parts, CancellationToken ct)
    {
        List<(Guid Tenant, string Slug)> approved;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            approved = await transaction.QueryAsync(Approved, row => (row.GetGuid(0), row.GetString(1)), ct);
        }

        foreach (var (tenant, slug) in approved)
        {
            await parts.TryAsync("apply the approval", tenant, () => RequestAsync(tenant, slug, ct), ct);
        }
    }

    async Task RequestAsync(Guid tenant, string slug, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.QueueProvisioningAsync(clock, options, tenant, slug, RunKinds.Provision, ct);
        await transaction.CommitAsync(ct);
    }

    const string Approved = $"""
        select t.id, t.slug from control.environment e join control.tenant t on t.id = e.tenant_id
        where e.is_restricted and e.state = 'ready' and {TenantApproval.IsApproved}
        """;
}
