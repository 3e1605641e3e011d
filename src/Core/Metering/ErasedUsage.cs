using ControlPlane.Subscriptions;

namespace ControlPlane.Metering;

/// <summary>The usage of one person, when their data is erased.</summary>
public static class ErasedUsage
{
    /// <summary>The users with usage whose id is this address, in upper or lower case.</summary>
    public static Task<List<(Guid Tenant, string User)>> UsersWithAddressAsync(this Transaction transaction, string email, CancellationToken ct) =>
        transaction.QueryAsync(
            "select distinct tenant_id, user_id from control.usage_counter where lower(user_id) = lower($1)", row => (row.GetGuid(0), row.GetString(1)), ct, email);

    /// <summary>Replaces the user's id by a pseudonym. Tokens, cost and time stay, because invoices follow from them.</summary>
    /// <returns>Events changed.</returns>
    public static async Task<long> EraseUsageAsync(this Transaction transaction, Guid tenant, string user, string pseudonym, CancellationToken ct)
    {
        await transaction.ExecuteAsync(BillingLock.Acquire, ct, tenant);
        return await transaction.ScalarAsync<long>("select control.erase_user($1, $2, $3)", ct, tenant, user, pseudonym);
    }
}
