namespace ControlPlane.Accounts.Tenants;

/// <summary>
/// Whether a tenant is known by more than an email address. Anyone can sign up for any plan with online signup and never pay, so an unapproved tenant counts as a trial, whatever
/// its plan: it shares with all others the environments and the mail that the installation leaves to strangers.
/// </summary>
public static class TenantApproval
{
    /// <summary>Condition on <c>control.tenant t</c>: an operator has created or approved the tenant, or it has paid an invoice. Nothing else decides it.</summary>
    public const string IsApproved = "control.is_approved(t.id)";

    public static Task<bool> IsApprovedAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.ScalarAsync<bool>($"select {IsApproved} from control.tenant t where t.id = $1", ct, tenant);
}

public abstract record ApproveTenantResult
{
    /// <summary>Also where it was approved before.</summary>
    public sealed record Approved : ApproveTenantResult;
    public sealed record NotFound : ApproveTenantResult;
    /// <param name="Reason">A sentence that says which status is required.</param>
    public sealed record Conflict(string Reason) : ApproveTenantResult;
}

/// <summary>Approves a tenant for an operator, who knows the customer. Its environment no longer waits with those of strangers.</summary>
public sealed class ApproveTenant(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <param name="actor">The operator.</param>
    public async Task<ApproveTenantResult> RunAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        switch (await transaction.ScalarAsync<string>("select status from control.tenant where id = $1 for update", ct, tenant))
        {
            case null:
                return new ApproveTenantResult.NotFound();
            case "pending":
                return new ApproveTenantResult.Conflict("The owner has not confirmed the email address yet; the tenant can be approved after that.");
            case "deleted":
                return new ApproveTenantResult.Conflict("The tenant is deleted.");
        }

        if (await transaction.ExecuteAsync(Approve, ct, tenant, clock.GetUtcNow()) > 0)
        {
            await transaction.AuditAsync(clock, tenant, actor, "tenant.approved", null, ct);
            await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
            await transaction.CommitAsync(ct);
        }

        return new ApproveTenantResult.Approved();
    }

    const string Approve = "update control.tenant set approved_at = $2, signup_network = null where id = $1 and approved_at is null";
}
