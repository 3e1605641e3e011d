namespace ControlPlane.Limits;

/// <summary>What limits store about a user of an environment, when that person's data is erased.</summary>
public static class ErasedUser
{
    /// <summary>Deletes the user's own limit, and replaces the id in reservations.</summary>
    public static async Task EraseLimitsAsync(this Transaction transaction, Guid tenant, string user, string pseudonym, CancellationToken ct)
    {
        await transaction.ExecuteAsync("delete from control.user_limit where tenant_id = $1 and user_id = $2", ct, tenant, user);
        await transaction.ExecuteAsync("update control.reservation set user_id = $3 where tenant_id = $1 and user_id = $2", ct, tenant, user, pseudonym);
    }
}
