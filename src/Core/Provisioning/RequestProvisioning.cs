namespace ControlPlane.Provisioning;

/// <summary>Requests changes of an environment's state. These methods work in the tenant's own scope and in a job's.</summary>
public static class RequestProvisioning
{
    /// <summary>Creates the environment of an active tenant that has none, with its first run. Repeating it changes nothing.</summary>
    /// <returns>False when there was nothing to create.</returns>
    public static async Task<bool> CreateMissingEnvironmentAsync(
        this Transaction transaction, TimeProvider clock, ControlPlaneOptions options, Guid tenant, string slug, CancellationToken ct)
    {
        // Of several workers one inserts the row. The others wait for its commit and insert nothing.
        var now = clock.GetUtcNow();
        if (await transaction.ExecuteAsync(CreateEnvironment, ct, tenant, options.AddressOf(slug), now) == 0)
        {
            return false;
        }

        await transaction.InsertRunAsync(clock, tenant, RunKinds.Provision, notBefore: null, now, ct);
        return true;
    }

    /// <summary>Locks the environment's row, and creates it first where it is missing. Lock it before any other row, as a run's own writes do:
    /// otherwise the two could deadlock.</summary>
    internal static async Task LockEnvironmentAsync(
        this Transaction transaction, TimeProvider clock, ControlPlaneOptions options, Guid tenant, CancellationToken ct)
    {
        if (await transaction.ScalarAsync<string>("select slug from control.tenant where id = $1", ct, tenant) is { } slug
            && !await transaction.CreateMissingEnvironmentAsync(clock, options, tenant, slug, ct))
        {
            await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        }
    }

    /// <summary>Queues a run of one of <see cref="RunKinds"/>; the job <c>provision</c> executes it after the commit. Repeating the request
    /// changes nothing, and neither does a late one (see <see cref="EnvironmentStateMachine"/>).</summary>
    /// <returns>The environment's state after the request.</returns>
    public static async Task<EnvironmentState> QueueProvisioningAsync(
        this Transaction transaction, TimeProvider clock, ControlPlaneOptions options, Guid tenant, string slug, string kind, CancellationToken ct)
    {
        // The environment's row is the lock: every change to a tenant's runs holds it.
        var now = clock.GetUtcNow();
        var state = EnvironmentStateMachine.Parse((await transaction.ScalarAsync<string>(LockEnvironment, ct, tenant, options.AddressOf(slug), now))!);
        var active = await transaction.FirstAsync(ActiveRun, row => new { Id = row.GetGuid(0), Kind = row.GetString(1) }, ct, tenant);

        switch (RunKinds.Decide(active?.Kind, kind))
        {
            case RunConflict.RunNow:
                await transaction.ExecuteAsync(EndDelay, ct, active!.Id);
                await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
                return state;
            case RunConflict.Ignore:
                return state;
        }

        if (EnvironmentStateMachine.Next(state, RunKinds.RequestEventFor(kind)) is not { } next)
        {
            return state;
        }

        var leaseEnd = active is null ? null : await transaction.ScalarAsync<DateTime?>(CancelRun, ct, active.Id, now);
        await transaction.InsertRunAsync(clock, tenant, kind, leaseEnd, now, ct);
        await transaction.ExecuteAsync(UpdateEnvironment, ct, tenant, next.Text(), now);
        await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
        return next;
    }

    /// <summary>The deletion that is queued or running goes on without a last copy of the environment.</summary>
    /// <param name="reason">Shown to operators.</param>
    public static Task SkipBackupAsync(this Transaction transaction, Guid tenant, string reason, CancellationToken ct) =>
        transaction.ExecuteAsync(SkipBackup, ct, tenant, reason);

    static async Task InsertRunAsync(
        this Transaction transaction, TimeProvider clock, Guid tenant, string kind, DateTime? notBefore, DateTimeOffset now, CancellationToken ct)
    {
        var run = Ids.New(clock);
        await transaction.ExecuteAsync(InsertRun, ct, run, tenant, kind, now, notBefore);
        await transaction.ExecuteAsync(InsertSteps, ct, run, tenant, ProvisioningSteps.Of(kind).ToArray());
    }

    const string CreateEnvironment = """
        insert into control.environment (tenant_id, state, address, created_at, updated_at)
        select id, 'requested', $2, $3, $3 from control.tenant where id = $1 and status = 'active'
        on conflict (tenant_id) do nothing
        """;

    const string LockEnvironment = """
        insert into control.environment as e (tenant_id, state, address, created_at, updated_at) values ($1, 'requested', $2, $3, $3)
        on conflict (tenant_id) do update set address = excluded.address
        returning e.state
        """;

    const string ActiveRun = "select id, kind from control.provisioning_run where tenant_id = $1 and state in ('queued', 'running') for update";

    const string EndDelay = "update control.provisioning_run set next_attempt_at = now() where id = $1 and state = 'queued'";

    // The higher token stops the run's worker. Until the lease would have expired, that worker may still be executing a step.
    const string CancelRun = """
        update control.provisioning_run set state = 'cancelled', fencing_token = fencing_token + 1, finished_at = $2
        where id = $1 returning lease_until
        """;

    const string InsertRun = """
        insert into control.provisioning_run (id, tenant_id, kind, state, requested_at, next_attempt_at)
        values ($1, $2, $3, 'queued', $4, greatest(now(), $5::timestamptz))
        """;

    const string InsertSteps = """
        insert into control.provisioning_step (run_id, tenant_id, ordinal, name, state)
        select $1, $2, ordinal, name, 'pending' from unnest($3::text[]) with ordinality as step (name, ordinal)
        """;

    // An attempt that is under way may still fail: it then changes nothing (ExecuteRun.FinishStep).
    const string SkipBackup = """
        update control.provisioning_step s set state = 'done', detail = $2, finished_at = clock_timestamp()
        from control.provisioning_run r
        where r.id = s.run_id and r.tenant_id = $1 and r.kind = 'delete' and r.state in ('queued', 'running') and s.name = 'backup' and s.state <> 'done'
        """;

    const string UpdateEnvironment = """
        update control.environment set state = $2, failed_step = null, failed_reason = null, updated_at = $3 where tenant_id = $1
        """;
}
