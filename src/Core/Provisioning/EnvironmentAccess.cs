namespace ControlPlane.Provisioning;

public abstract record EnvironmentAccessResult
{
    /// <param name="Email">Of the administrator that was created with the environment; the password may have been changed there since.</param>
    public sealed record Shown(string Address, string Email, string Password) : EnvironmentAccessResult;
    /// <summary>Only owners may see it.</summary>
    public sealed record NotAllowed : EnvironmentAccessResult;
    /// <summary>The environment does not exist, or not yet.</summary>
    public sealed record NotAvailable : EnvironmentAccessResult;
}

/// <summary>Shows an owner the first administrator's credentials, and records that it did.</summary>
public sealed class EnvironmentAccess(ControlDatabase database, ISecretStore secrets, Clock clock)
{
    /// <param name="role">The member's role in the portal.</param>
    public async Task<EnvironmentAccessResult> RunAsync(Guid tenant, string? role, string actor, CancellationToken ct)
    {
        if (role != "owner")
        {
            return new EnvironmentAccessResult.NotAllowed();
        }

        // Outside of any transaction: the store may be a service of its own.
        if (await FindAsync(tenant, ct) is not { } environment || !(await secrets.ReadAsync(tenant, ct)).TryGetValue(SecretNames.AdminPassword, out var password))
        {
            return new EnvironmentAccessResult.NotAvailable();
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.AuditAsync(clock, tenant, actor, "environment.administrator_shown", null, ct);
        await transaction.CommitAsync(ct);
        return new EnvironmentAccessResult.Shown(environment.Address, environment.Email, password);
    }

    async Task<(string Address, string Email)?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.FirstAsync(Select, row => ((string, string)?)(row.GetString(0), row.GetString(1)), ct, tenant);
    }

    const string Select = """
        select e.address, (select m.email from control.member m where m.tenant_id = $1 and m.role = 'owner' order by m.created_at limit 1)
        from control.environment e
        where e.tenant_id = $1 and e.state not in ('requested', 'deleting', 'deleted')
        """;
}
