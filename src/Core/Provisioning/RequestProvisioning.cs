namespace ControlPlane.Provisioning;

/// <summary>Asks for an environment to be brought into another state, in the transaction of what asks for it.</summary>
public static class RequestProvisioning
{
    /// <summary>Queues a run of one of <see cref="RunKinds"/>; the job <c>provision</c> does it after the commit. Works in the tenant's
    /// own scope and in a job's. Repeating it is free, and a wish that comes late (see <see cref="EnvironmentStateMachine"/>) changes nothing.</summary>
    /// <returns>The environment's state after the request.</returns>
    public static async Task<EnvironmentState> QueueProvisioningAsync(
        this Transaction transaction, TimeProvider clock, ControlPlaneOptions options, Guid tenant, string slug, string kind, CancellationToken ct)
    {
        // The environment's row is the lock: whoever changes a tenant's runs holds it.
        var now = clock.GetUtcNow();
        var state = EnvironmentStateMachine.Parse((await transaction.ScalarAsync<string>(Lock, ct, tenant, options.AddressOf(slug), now))!);
        var active = await transaction.FirstAsync(Active, row => new { Id = row.GetGuid(0), Kind = row.GetString(1) }, ct, tenant);

        switch (RunKinds.Decide(active?.Kind, kind))
        {
            case RunConflict.RunNow:
                await transaction.ExecuteAsync(Hurry, ct, active!.Id);
                transaction.Announce(new Announcement(JobSchedules.Provision.Name, tenant));
                return state;
            case RunConflict.Ignore:
                return state;
        }

        if (EnvironmentStateMachine.Next(state, RunKinds.RequestEventFor(kind)) is not { } next)
        {
            return state;
        }

        var free = active is null ? null : await transaction.ScalarAsync<DateTime?>(Cancel, ct, active.Id, now);
        var run = Ids.New(clock);
        await transaction.ExecuteAsync(Insert, ct, run, tenant, kind, now, free);
        transaction.Announce(new Announcement(JobSchedules.Provision.Name, tenant));
        await transaction.ExecuteAsync(InsertSteps, ct, run, tenant, ProvisioningSteps.Of(kind).ToArray());
        await transaction.ExecuteAsync(Move, ct, tenant, next.Text(), now);
        return next;
    }

    const string Lock = """
        insert into control.environment as e (tenant_id, state, address, updated_at) values ($1, 'requested', $2, $3)
        on conflict (tenant_id) do update set address = excluded.address
        returning e.state
        """;

    const string Active = "select id, kind from control.provisioning_run where tenant_id = $1 and state in ('queued', 'running') for update";

    const string Hurry = """
        with hurried as (update control.provisioning_run set next_attempt_at = now() where id = $1 and state = 'queued')
        select pg_notify('control_job', 'provision')
        """;

    // The higher token is what stops its worker. Until the lease would have ended, that worker may still be in the middle of a step.
    const string Cancel = """
        update control.provisioning_run set state = 'cancelled', fencing_token = fencing_token + 1, finished_at = $2
        where id = $1 returning lease_until
        """;

    const string Insert = """
        with queued as (
            insert into control.provisioning_run (id, tenant_id, kind, state, requested_at, next_attempt_at)
            values ($1, $2, $3, 'queued', $4, greatest(now(), $5::timestamptz)))
        select pg_notify('control_job', 'provision')
        """;

    const string InsertSteps = """
        insert into control.provisioning_step (run_id, tenant_id, ordinal, name, state)
        select $1, $2, ordinal, name, 'pending' from unnest($3::text[]) with ordinality as step (name, ordinal)
        """;

    const string Move = """
        update control.environment set state = $2, failed_step = null, failed_reason = null, updated_at = $3 where tenant_id = $1
        """;
}
