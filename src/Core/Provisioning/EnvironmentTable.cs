namespace ControlPlane.Provisioning;

static class EnvironmentTable
{
    /// <summary>Condition on <c>control.environment</c>: it counts against the largest number of environments. One that was stopped at the end of its trial does not.</summary>
    public const string UsesPlace = "not (state = 'deleted' or (state = 'suspended' and trial_stage in ('stopped', 'warned')))";

    /// <summary>Expression on <c>control.environment e</c>: what it is named by (<see cref="TenantEnvironment.Name"/>).</summary>
    public const string Name = "coalesce(e.former_name, e.tenant_id::text)";

    /// <summary>Applies an event to an environment whose row is locked. A late event changes nothing.</summary>
    public static async Task ApplyAsync(
        this Transaction transaction, TimeProvider clock, Guid tenant, EnvironmentEvent e, string? detail, CancellationToken ct)
    {
        var state = EnvironmentStateMachine.Parse((await transaction.ScalarAsync<string>("select state from control.environment where tenant_id = $1", ct, tenant))!);
        if (EnvironmentStateMachine.Next(state, e) is { } next)
        {
            await transaction.ExecuteAsync(
                "update control.environment set state = $2, detail = $3, updated_at = $4 where tenant_id = $1", ct,
                tenant, next.Text(), detail, clock.GetUtcNow());
        }
    }
}
