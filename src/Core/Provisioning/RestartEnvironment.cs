namespace ControlPlane.Provisioning;

public abstract record EnvironmentResult
{
    public sealed record Accepted(EnvironmentState State) : EnvironmentResult;
    public sealed record NotFound : EnvironmentResult;
    /// <param name="Reason">A sentence that says which state is required.</param>
    public sealed record Conflict(string Reason) : EnvironmentResult;
}

/// <summary>Restarts an environment at its tenant's request.</summary>
public sealed class RestartEnvironment(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    public async Task<EnvironmentResult> RunAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.LockEnvironmentAsync(clock, options, tenant, ct);
        var found = await transaction.FirstAsync(Select, row => new { Slug = row.GetString(0), State = row.GetString(1) }, ct, tenant);
        if (found is null)
        {
            return new EnvironmentResult.NotFound();
        }

        if (EnvironmentStateMachine.Parse(found.State) != EnvironmentState.Ready)
        {
            return new EnvironmentResult.Conflict($"The environment is {found.State}; it can be restarted when it is ready.");
        }

        var state = await transaction.QueueProvisioningAsync(clock, options, tenant, found.Slug, RunKinds.Restart, ct);
        await transaction.AuditAsync(clock, tenant, actor, "environment.restart_requested", null, ct);
        await transaction.CommitAsync(ct);
        return new EnvironmentResult.Accepted(state);
    }

    const string Select = "select t.slug, e.state from control.tenant t join control.environment e on e.tenant_id = t.id where t.id = $1";
}
