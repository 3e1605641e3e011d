using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// Stops the environments of those who have no access because an invoice is unpaid or the subscription has ended, as a part of the job <c>provision</c>, also
/// when something else has started them; and starts them when access returns. What an operator, the end of a trial or the storage has stopped stays stopped.
/// </summary>
public sealed class EnforceAccess(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    /// <summary>A tenant whose rows are locked for longer has its turn in the next run, a minute later.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Any number of processes may do so at once.</summary>
    public async Task RunAsync(JobParts parts, CancellationToken ct)
    {
        List<Guid> tenants;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            tenants = await transaction.QueryAsync($"{Select} and e.tenant_id in ({Candidates}) and (({MustStop}) or ({MayStart}))", row => row.GetGuid(0), ct);
        }

        foreach (var tenant in tenants)
        {
            await parts.TryAsync("stop or start the environment by its invoices", tenant, () => ApplyAsync(tenant, ct), ct);
        }
    }

    async Task ApplyAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        // Locked first, as by a run. The subscription, too, so that no payment commits between this decision and the run.
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        if (await transaction.FirstAsync($"{Select} and e.tenant_id = $1 for share of s", UnpaidEnvironment.Read, ct, tenant) is not { } environment)
        {
            return;
        }

        if (environment.MustStop)
        {
            await transaction.ExecuteAsync("update control.environment set unpaid_at = coalesce(unpaid_at, $2) where tenant_id = $1", ct, tenant, clock.GetUtcNow());
            await transaction.QueueProvisioningAsync(clock, options, tenant, environment.Slug, RunKinds.Suspend, ct);
        }
        else if (environment.MayStart)
        {
            await transaction.ExecuteAsync("update control.environment set unpaid_at = null where tenant_id = $1", ct, tenant);
            await (environment.IsStoppedOtherwise
                ? Task.CompletedTask
                : transaction.QueueProvisioningAsync(clock, options, tenant, environment.Slug, RunKinds.Resume, ct));
        }
        else
        {
            return;
        }

        var action = environment.MustStop ? "environment.stopped_for_payment" : "environment.started_after_payment";
        await transaction.AuditAsync(clock, tenant, "job:provision", action, null, ct);
        await transaction.CommitAsync(ct);
    }

    /// <param name="IsStoppedOtherwise">By an operator, the end of the trial, or its storage.</param>
    sealed record UnpaidEnvironment(string Slug, bool MustStop, bool MayStart, bool IsStoppedOtherwise)
    {
        public static UnpaidEnvironment Read(NpgsqlDataReader row) => new(row.GetString(1), row.GetBoolean(2), row.GetBoolean(3), row.GetBoolean(4));
    }

    // One that is being stopped or removed is left alone until it is.
    const string MustStop = "s.access = 'none' and (e.unpaid_at is null or e.state in ('ready', 'failed'))";

    // Of many environments the few that can be concerned, by their indexes.
    const string Candidates = "select tenant_id from control.subscription where access = 'none' union all select tenant_id from control.environment where unpaid_at is not null";

    const string MayStart = "s.access <> 'none' and e.unpaid_at is not null";

    const string Select = $"""
        select e.tenant_id, t.slug, {MustStop}, {MayStart},
               t.status <> 'active' or e.trial_stage in ('stopped', 'warned')
               or exists (select from control.environment_storage g where g.tenant_id = e.tenant_id and g.stopped_at is not null)
        from control.environment e
        join control.tenant t on t.id = e.tenant_id
        join control.subscription s on s.tenant_id = e.tenant_id
        where not t.is_deleted and e.state not in ('deleting', 'deleted')
        """;
}
