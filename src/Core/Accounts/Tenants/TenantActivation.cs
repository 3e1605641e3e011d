using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Activates a pending tenant, in the transaction that uses the link which proved its owner's address.</summary>
static class TenantActivation
{
    /// <summary>Of two links that would activate the tenant, the second one waits here.</summary>
    public static async Task<LockedTenant> LockTenantAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        (await transaction.FirstAsync(Lock, row => new LockedTenant(row.GetString(0), row.GetString(1)), ct, tenant))!;

    /// <returns>False when the person has had a trial before and the policy gives each person one: nothing was written.</returns>
    public static async Task<bool> ActivateAsync(
        this Transaction transaction, Clock clock, SignupPolicy policy, SecretBox secrets, FoundToken token, string plan, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var terms = (await transaction.PlanAsync(plan, now, ct))!;
        if (policy.OneTrialPerPerson && terms.TrialDays is not null
            && !await transaction.UseTrialAsync(token.Tenant, (await transaction.ScalarAsync<string>(SelectEmail, ct, token.Member))!, now, ct))
        {
            return false;
        }

        await transaction.ExecuteAsync(Activate, ct, token.Tenant, now);
        await transaction.StartSubscriptionAsync(token.Tenant, terms, agreed: null, now, ct);
        await transaction.AddWebhookSecretAsync(clock, secrets, token.Tenant, ct);
        await transaction.AuditAsync(clock, token.Tenant, $"member:{token.Member}", "tenant.verified", new { plan }, ct);
        // The job requests the environment of every active tenant that has none.
        await transaction.AnnounceJobAsync(JobSchedules.Provision, token.Tenant, ct);
        return true;
    }

    const string Activate = """
        update control.tenant set status = 'active', verified_at = $2, signup_network = requested_from, requested_from = null where id = $1
        """;

    const string SelectEmail = "select email from control.member where id = $1";

    const string Lock = "select status, requested_plan from control.tenant where id = $1 for update";
}

/// <param name="Plan">The plan that was requested at signup.</param>
sealed record LockedTenant(string Status, string Plan);
