using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Accounts.Tenants;

public abstract record VerifyResult
{
    /// <summary>The tenant became active just now and its subscription started.</summary>
    public sealed record Verified(Guid Tenant, string Slug) : VerifyResult;
    /// <summary>The link was followed before: nothing changed.</summary>
    public sealed record AlreadyVerified(Guid Tenant) : VerifyResult;
    public sealed record Expired : VerifyResult;
    public sealed record Unknown : VerifyResult;
    /// <summary>Since the mail was sent, the address was confirmed for another tenant.</summary>
    public sealed record AddressTaken : VerifyResult;
}

/// <summary>Turns a pending tenant active when the link in the mail is followed: exactly once, however often that is.</summary>
public sealed class VerifyAddress(ControlDatabase database, Clock clock, SecretBox secrets)
{
    /// <param name="andThen">What else belongs to the moment of activation, in the same transaction.</param>
    public async Task<VerifyResult> RunAsync(
        string token, Func<Transaction, VerifyResult.Verified, CancellationToken, Task> andThen, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { Purpose: "verify" } found)
        {
            return new VerifyResult.Unknown();
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var tenant = await transaction.FirstAsync(
            Lock, row => (Status: row.GetString(0), Slug: row.GetString(1), Plan: row.GetString(2)), ct, found.Tenant);
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

        var verified = new VerifyResult.Verified(found.Tenant, tenant.Slug);
        await ActivateAsync(transaction, verified, tenant.Plan, found.Member, ct);
        await andThen(transaction, verified, ct);
        await transaction.CommitAsync(ct);
        return verified;
    }

    async Task<FoundToken?> FindAsync(string token, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindTokenAsync(token, ct);
    }

    async Task ActivateAsync(Transaction transaction, VerifyResult.Verified verified, string plan, Guid member, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await transaction.ExecuteAsync("update control.tenant set status = 'active', verified_at = $2 where id = $1", ct, verified.Tenant, now);
        var terms = await transaction.PlanAsync(plan, now, ct);
        await transaction.StartSubscriptionAsync(verified.Tenant, terms!, agreed: null, now, ct);
        await transaction.AddWebhookSecretAsync(clock, secrets, verified.Tenant, ct);
        await transaction.AuditAsync(clock, verified.Tenant, $"member:{member}", "tenant.verified", new { plan }, ct);
    }

    /// <returns>False when another member with this address is confirmed; the transaction is of no more use then.</returns>
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

    const string Lock = "select status, slug, requested_plan from control.tenant where id = $1 for update";
}
