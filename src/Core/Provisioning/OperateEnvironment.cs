using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Provisioning;

/// <summary>An operator's actions on a tenant and its environment.</summary>
public sealed class OperateEnvironment(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    public Task<EnvironmentResult> SuspendAsync(Guid tenant, string actor, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Suspend, actor, t => DeletionInProgress(t) ?? (t.Status == "active" ? null : $"The tenant is {t.Status}; only an active one can be suspended."),
        transaction => transaction.MarkSuspendedAsync(tenant, ct), ct);

    public Task<EnvironmentResult> ResumeAsync(Guid tenant, string actor, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Resume, actor, t => DeletionInProgress(t) ?? (t.Status == "suspended" ? null : $"The tenant is {t.Status}; only a suspended one can be resumed."),
        transaction => transaction.MarkActiveAsync(tenant, ct), ct);

    /// <summary>Ends all access at once and removes the environment, after a last copy was made. May be repeated while the deletion is in progress.</summary>
    /// <param name="withoutBackup">Whether it is removed without the copy, because none can be made or none is to be kept.</param>
    public Task<EnvironmentResult> DeleteAsync(Guid tenant, bool withoutBackup, string actor, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Delete, actor, t => t.Status == "deleted" ? "The tenant is deleted already." : null,
        async transaction =>
        {
            await transaction.MarkDeletionRequestedAsync(clock, tenant, ct);
            await (withoutBackup ? transaction.SkipBackupAsync(tenant, $"left out by {actor}", ct) : Task.CompletedTask);
        },
        ct);

    /// <summary>Repeats the run that failed for good: all of its steps, from the first.</summary>
    public async Task<EnvironmentResult> RetryAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var failed = await transaction.ScalarAsync<string>(FailedKind, ct, tenant) ?? RunKinds.Provision;
        return await RunAsync(
            transaction, tenant, failed, "retry", actor,
            t => t.Environment == "failed" ? null : $"The environment is {t.Environment ?? "not requested yet"}; only a failed one can be retried.",
            _ => Task.CompletedTask, ct);
    }

    static string? DeletionInProgress(TenantState tenant) => tenant is { IsDeleted: true, Status: not "deleted" } ? "The tenant is being deleted." : null;

    async Task<EnvironmentResult> RunAsync(
        Guid tenant, string kind, string actor, Func<TenantState, string?> validate, Func<Transaction, Task> updateStatus, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await RunAsync(transaction, tenant, kind, kind, actor, validate, updateStatus, ct);
    }

    async Task<EnvironmentResult> RunAsync(
        Transaction transaction, Guid tenant, string kind, string action, string actor, Func<TenantState, string?> validate,
        Func<Transaction, Task> updateStatus, CancellationToken ct)
    {
        await transaction.LockEnvironmentAsync(clock, options, tenant, ct);
        var state = await transaction.FirstAsync(Select, row => new TenantState(row.GetString(0), row.GetString(1), row.GetBoolean(2), row.Get<string>(3)), ct, tenant);
        if (state is null)
        {
            return new EnvironmentResult.NotFound();
        }

        if (validate(state) is { } reason)
        {
            return new EnvironmentResult.Conflict(reason);
        }

        var environment = await transaction.QueueProvisioningAsync(clock, options, tenant, state.Slug, kind, ct);
        await updateStatus(transaction);
        await transaction.AuditAsync(clock, tenant, actor, $"environment.{action}_requested", null, ct);
        await transaction.CommitAsync(ct);
        return new EnvironmentResult.Accepted(environment);
    }

    /// <param name="IsDeleted">Or its deletion was requested.</param>
    /// <param name="Environment">Its state; null when a tenant that is not active has none.</param>
    sealed record TenantState(string Slug, string Status, bool IsDeleted, string? Environment);

    const string Select = """
        select t.slug, t.status, t.is_deleted, e.state from control.tenant t left join control.environment e on e.tenant_id = t.id where t.id = $1
        """;

    const string FailedKind = """
        select kind from control.provisioning_run where tenant_id = $1 and state = 'failed' order by ordinal desc limit 1
        """;
}
