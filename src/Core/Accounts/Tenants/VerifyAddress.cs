using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Accounts.Tenants;

public abstract record VerifyResult
{
    /// <summary>The tenant is now active and its subscription has started.</summary>
    public sealed record Verified(Guid Tenant) : VerifyResult;
    /// <summary>The link was used before: nothing changed.</summary>
    public sealed record AlreadyVerified(Guid Tenant) : VerifyResult;
    public sealed record Expired : VerifyResult;
    public sealed record Unknown : VerifyResult;
    /// <summary>The address was confirmed for another tenant after the mail was sent.</summary>
    public sealed record AddressTaken : VerifyResult;
}

/// <summary>Activates a pending tenant when the link in its mail is opened: exactly once, however often it is opened.</summary>
public sealed class VerifyAddress(ControlDatabase database, Clock clock, SecretBox secrets)
{
    public async Task<VerifyResult> RunAsync(string token, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { Purpose: "verify" } found)
        {
            return new VerifyResult.Unknown();
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var tenant = await transaction.FirstAsync(
            LockTenant, row => (Status: row.GetString(0), Plan: row.GetString(1)), ct, found.Tenant);
        if (tenant.Status != "pending")
        {
            return new VerifyResult.AlreadyVerified(found.Tenant);
        }

        if (!await transaction.UseTokenAsync(found, ct))
        {
            return new VerifyResult.Expired();
        }

        if (!await ConfirmAsync(transaction, found.Member, clock.GetUtcNow(), ct))
        {
            return new VerifyResult.AddressTaken();
        }

        await ActivateAsync(transaction, found, tenant.Plan, ct);
        await transaction.CommitAsync(ct);
        return new VerifyResult.Verified(found.Tenant);
    }

    async Task<FoundToken?> FindAsync(string token, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindTokenAsync(token, ct);
    }

    async Task ActivateAsync(Transaction transaction, FoundToken token, string plan, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await transaction.ExecuteAsync("update control.tenant set status = 'active', verified_at = $2 where id = $1", ct, token.Tenant, now);
        var terms = await transaction.PlanAsync(plan, now, ct);
        await transaction.StartSubscriptionAsync(token.Tenant, terms!, agreed: null, now, ct);
        await transaction.AddWebhookSecretAsync(clock, secrets, token.Tenant, ct);
        await transaction.AuditAsync(clock, token.Tenant, $"member:{token.Member}", "tenant.verified", new { plan }, ct);
        // The job requests the environment of every active tenant that has none.
        await transaction.AnnounceJobAsync(JobSchedules.Provision, token.Tenant, ct);
    }

    /// <returns>False when another member with this address is confirmed; the transaction can only be rolled back then.</returns>
    internal static async Task<bool> ConfirmAsync(Transaction transaction, Guid member, DateTimeOffset now, CancellationToken ct)
    {
        try
        {
            await transaction.ExecuteAsync(
                "update control.member set confirmed_at = $2 where id = $1 and confirmed_at is null", ct, member, now);
            return true;
        }
        catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "member_email" })
        {
            return false;
        }
    }

    const string LockTenant = "select status, requested_plan from control.tenant where id = $1 for update";
}
