using ControlPlane.Database;

namespace ControlPlane.Provisioning;

/// <param name="StartedAt">Real time, so that steps have a length in a sandbox too.</param>
public sealed record StepStatus(string Name, string State, string? Detail, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);

/// <summary>An environment as its tenant and the operator see it, with the steps of its latest run.</summary>
/// <param name="Detail">When ready: <c>running</c>, or <c>rendered</c> where no container engine is present.</param>
/// <param name="FailedReason">Why the last attempt failed, also while the next one is awaited.</param>
public sealed record EnvironmentStatus(
    string State, string? Detail, string Address, string? FailedStep, string? FailedReason, DateTimeOffset UpdatedAt, IReadOnlyList<StepStatus> Steps)
{
    /// <returns>null when none was asked for yet.</returns>
    public static async Task<EnvironmentStatus?> ReadAsync(Transaction transaction, Guid tenant, CancellationToken ct)
    {
        var steps = await transaction.QueryAsync(
            LatestSteps,
            row => new StepStatus(row.GetString(0), row.GetString(1), row.Get<string>(2), row.Get<DateTimeOffset?>(3), row.Get<DateTimeOffset?>(4)),
            ct, tenant);
        return await transaction.FirstAsync(
            "select state, detail, address, failed_step, failed_reason, updated_at from control.environment where tenant_id = $1",
            row => new EnvironmentStatus(
                row.GetString(0), row.Get<string>(1), row.GetString(2), row.Get<string>(3), row.Get<string>(4), row.GetFieldValue<DateTimeOffset>(5), steps),
            ct, tenant);
    }

    const string LatestSteps = """
        select name, state, detail, started_at, finished_at from control.provisioning_step
        where run_id = (select id from control.provisioning_run where tenant_id = $1 order by ordinal desc limit 1)
        order by ordinal
        """;
}
