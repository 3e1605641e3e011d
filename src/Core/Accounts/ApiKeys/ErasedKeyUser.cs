namespace ControlPlane.Accounts.ApiKeys;

/// <summary>What keys store about a user of an environment, when that person's data is erased.</summary>
public static class ErasedKeyUser
{
    /// <summary>Revokes the user's keys, whose calls would be reported under the id again, and replaces the id in them.</summary>
    public static Task EraseKeyUserAsync(this Transaction transaction, TimeProvider clock, Guid tenant, string user, string pseudonym, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.tenant_key set user_id = $3, revoked_at = coalesce(revoked_at, $4) where tenant_id = $1 and user_id = $2", ct, tenant, user, pseudonym, clock.GetUtcNow());
}
