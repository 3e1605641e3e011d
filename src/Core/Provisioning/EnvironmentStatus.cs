namespace ControlPlane.Provisioning;

/// <param name="StartedAt">Real time, so that steps have a length in a sandbox too.</param>
public sealed record StepStatus(string Name, string State, string? Detail, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);

/// <summary>An environment as its tenant and the operator see it, with the steps of its latest run.</summary>
/// <param name="Detail">When ready: <c>running</c>, or <c>rendered</c> where no container engine is present.</param>
/// <param name="Region">Where the tenant's data belongs.</param>
/// <param name="FailedReason">Why the last attempt failed, also while the next one is awaited.</param>
public sealed record EnvironmentStatus(
    string State, string? Detail, string Address, string Region, string? FailedStep, string? FailedReason, DateTimeOffset UpdatedAt,
    IReadOnlyList<StepStatus> Steps)
{
    /// <returns>null when none was asked for yet.</returns>
    public static async Task<EnvironmentStatus?> ReadAsync(Transaction transaction, Guid tenant, CancellationToken ct)
    {
        var steps = await transaction.QueryAsync(
            LatestSteps,
            row => new StepStatus(row.GetString(0), row.GetString(1), row.Get<string>(2), row.Get<DateTimeOffset?>(3), row.Get<DateTimeOffset?>(4)),
            ct, tenant);
        return await transaction.FirstAsync(
            Select,
            row => new EnvironmentStatus(
                row.GetString(0), row.Get<string>(1), row.GetString(2), row.GetString(3), row.Get<string>(4), row.Get<string>(5), row.GetFieldValue<DateTimeOffset>(6),
                steps),
            ct, tenant);
    }

    const string Select = """
        select e.state, e.detail, e.address, t.region, e.failed_step, e.failed_reason, e.updated_at
        from control.environment e join control.tenant t on t.id = e.tenant_id where e.tenant_id = $1
        """;

    const string LatestSteps = """
        select name, state, detail, started_at, finished_at from control.provisioning_step
        where run_id = (select id from control.provisioning_run where tenant_id = $1 order by ordinal desc limit 1)
        order by ordinal
        """;
}
