using ControlPlane.Database;

namespace ControlPlane.Provisioning;

/// <summary>Asks for an environment to be brought to its desired state, in the transaction that makes it necessary.</summary>
public static class RequestProvisioning
{
    /// <summary>Queues a run unless one is queued or running for this tenant already; the job <c>provision</c> does the rest.</summary>
    /// <param name="kind"><c>provision</c>, <c>restart</c>, <c>suspend</c>, <c>resume</c> or <c>delete</c>.</param>
    public static Task QueueProvisioningAsync(
        this Transaction transaction, TimeProvider clock, ControlPlaneOptions options, Guid tenant, string slug, string kind, CancellationToken ct) =>
        transaction.ExecuteAsync(Queue, ct, tenant, options.AddressOf(slug), Ids.New(clock), kind, clock.GetUtcNow());

    const string Queue = """
        with environment as (
            insert into control.environment (tenant_id, state, address, updated_at) values ($1, 'requested', $2, $5)
            on conflict (tenant_id) do update set state = 'requested', updated_at = excluded.updated_at),
        run as (
            insert into control.provisioning_run (id, tenant_id, kind, state, requested_at) values ($3, $1, $4, 'queued', $5)
            on conflict (tenant_id) where state in ('queued', 'running') do nothing)
        select pg_notify('control_job', 'provision')
        """;
}
