using ControlPlane.Database;

namespace ControlPlane.Http.Portal.MemberPages;

/// <param name="State"><c>pending</c>, <c>running</c>, <c>done</c> or <c>failed</c>.</param>
public sealed record EnvironmentStep(string Name, string State, string? Detail);

/// <summary>A tenant's environment as its members see it: the state, and the steps of the newest run.</summary>
/// <param name="Detail">What ready means here: <c>running</c> or <c>rendered</c>.</param>
/// <param name="RunError">Why the newest run is waiting to be tried again.</param>
public sealed record EnvironmentView(
    string State, string? Detail, string Address, string? FailedStep, string? FailedReason, DateTimeOffset UpdatedAt,
    string? Run, string? RunState, int Attempts, string? RunError, IReadOnlyList<EnvironmentStep> Steps)
{
    /// <summary>Nothing is under way: the page need not look again.</summary>
    public bool Settled => RunState is not ("queued" or "running") && State is not ("requested" or "provisioning" or "updating" or "deleting");
}

static class EnvironmentViews
{
    /// <returns>null before provisioning was asked for.</returns>
    public static async Task<EnvironmentView?> EnvironmentViewAsync(this Transaction transaction, Guid tenant, CancellationToken ct)
    {
        var steps = await transaction.QueryAsync(
            Steps, row => new EnvironmentStep(row.GetString(0), row.GetString(1), row.Get<string>(2)), ct, tenant);
        return await transaction.FirstAsync(
            Newest,
            row => new EnvironmentView(
                row.GetString(0), row.Get<string>(1), row.GetString(2), row.Get<string>(3), row.Get<string>(4), row.GetFieldValue<DateTimeOffset>(5),
                row.Get<string>(6), row.Get<string>(7), row.Get<int>(8), row.Get<string>(9), steps),
            ct, tenant);
    }

    const string Newest = """
        select e.state, e.detail, e.address, e.failed_step, e.failed_reason, e.updated_at, r.kind, r.state, r.attempts, r.error
        from control.environment e
        left join lateral (select * from control.provisioning_run r where r.tenant_id = e.tenant_id order by r.id desc limit 1) r on true
        where e.tenant_id = $1
        """;

    const string Steps = """
        select s.name, s.state, s.detail from control.provisioning_step s
        where s.run_id = (select r.id from control.provisioning_run r where r.tenant_id = $1 order by r.id desc limit 1)
        order by s.ordinal
        """;
}
