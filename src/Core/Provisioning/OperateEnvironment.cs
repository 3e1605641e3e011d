using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Provisioning;

/// <summary>What an operator does to a tenant and its environment.</summary>
public sealed class OperateEnvironment(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    public Task<EnvironmentResult> SuspendAsync(Guid tenant, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Suspend, t => Leaving(t) ?? (t.Status == "active" ? null : $"The tenant is {t.Status}; only an active one can be suspended."),
        transaction => transaction.MarkSuspendedAsync(tenant, ct), ct);

    public Task<EnvironmentResult> ResumeAsync(Guid tenant, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Resume, t => Leaving(t) ?? (t.Status == "suspended" ? null : $"The tenant is {t.Status}; only a suspended one can be resumed."),
        transaction => transaction.MarkActiveAsync(tenant, ct), ct);

    /// <summary>Asking for the deletion of what is being deleted is fine.</summary>
    public Task<EnvironmentResult> DeleteAsync(Guid tenant, CancellationToken ct) => RunAsync(
        tenant, RunKinds.Delete, t => t.Status == "deleted" ? "The tenant is deleted already." : null, _ => Task.CompletedTask, ct);

    /// <summary>Tries again what failed for good: all of its steps, from the first.</summary>
    public async Task<EnvironmentResult> RetryAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var failed = await transaction.ScalarAsync<string>(FailedKind, ct, tenant) ?? RunKinds.Provision;
        return await RunAsync(
            transaction, tenant, failed, "retry",
            t => t.Environment == "failed" ? null : $"The environment is {t.Environment ?? "not asked for yet"}; only a failed one can be retried.",
            _ => Task.CompletedTask, ct);
    }

    static string? Leaving(Standing tenant) => tenant.Environment == "deleting" ? "The environment is being deleted." : null;

    async Task<EnvironmentResult> RunAsync(
        Guid tenant, string kind, Func<Standing, string?> objection, Func<Transaction, Task> mark, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await RunAsync(transaction, tenant, kind, kind, objection, mark, ct);
    }

    async Task<EnvironmentResult> RunAsync(
        Transaction transaction, Guid tenant, string kind, string wish, Func<Standing, string?> objection, Func<Transaction, Task> mark, CancellationToken ct)
    {
        // The environment before the tenant, as in a run's own writes, so that the two never wait for each other.
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        var standing = await transaction.FirstAsync(Select, row => new Standing(row.GetString(0), row.GetString(1), row.Get<string>(2)), ct, tenant);
        if (standing is null)
        {
            return new EnvironmentResult.NotFound();
        }

        if (objection(standing) is { } why)
        {
            return new EnvironmentResult.NotPossible(why);
        }

        var state = await transaction.QueueProvisioningAsync(clock, options, tenant, standing.Slug, kind, ct);
        await mark(transaction);
        await transaction.AuditAsync(clock, tenant, "operator", $"environment.{wish}_requested", null, ct);
        await transaction.CommitAsync(ct);
        return new EnvironmentResult.Accepted(state);
    }

    sealed record Standing(string Slug, string Status, string? Environment);

    const string Select = """
        select t.slug, t.status, e.state from control.tenant t left join control.environment e on e.tenant_id = t.id where t.id = $1
        """;

    const string FailedKind = """
        select kind from control.provisioning_run where tenant_id = $1 and state = 'failed' order by ordinal desc limit 1
        """;
}
