using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>A token that exists, but may be used or expired: each use case decides what follows from that.</summary>
public sealed record FoundToken(byte[] Hash, Guid Tenant, Guid Member, string Purpose, bool Used, bool Expired)
{
    public bool IsUsable => !Used && !Expired;
}

/// <summary>The tokens of links mailed to members. Only hashes are stored; lifetimes are real time.</summary>
static class MemberTokens
{
    public static readonly TimeSpan VerifyLifetime = TimeSpan.FromHours(48);
    public static readonly TimeSpan ResetLifetime = TimeSpan.FromHours(1);
    public static readonly TimeSpan InviteLifetime = TimeSpan.FromDays(7);
    public static readonly TimeSpan EmailLifetime = TimeSpan.FromHours(24);

    /// <summary>Links of one purpose that work at a time. A further one ends the oldest.</summary>
    const int MaxUsable = 10;

    /// <summary>Creates a token unless the member received one for this purpose, and this new address, within the last minute.</summary>
    /// <returns>The token for the mail; null when the last one is too recent, or the member does not exist.</returns>
    public static async Task<string?> IssueTokenAsync(
        this Transaction transaction, Guid tenant, Guid member, string purpose, TimeSpan lifetime, CancellationToken ct, string? newEmail = null)
    {
        // The lock makes concurrent requests wait for each other, so that the second one sees the first one's token.
        if (!await transaction.ScalarAsync<bool>("select true from control.member where id = $1 for update", ct, member))
        {
            return null;
        }

        var token = Credentials.New();
        if (await transaction.ExecuteAsync(Insert, ct, Credentials.Hash(token), tenant, member, purpose, lifetime, newEmail) == 0)
        {
            return null;
        }

        await transaction.ExecuteAsync(ExpireOldest, ct, member, purpose, MaxUsable);
        return token;
    }

    /// <summary>Deletes a token that was not mailed.</summary>
    public static Task WithdrawTokenAsync(this Transaction transaction, string token, CancellationToken ct) =>
        transaction.ExecuteAsync("delete from control.member_token where hash = $1", ct, Credentials.Hash(token));

    /// <summary>Whether a link for this purpose that works was mailed to the member.</summary>
    /// <param name="newEmail">The address that the link would confirm; null: that of the member.</param>
    public static Task<bool> HasUsableTokenAsync(this Transaction transaction, Guid member, string purpose, string? newEmail, CancellationToken ct) =>
        transaction.ScalarAsync<bool>(HasUsable, ct, member, purpose, newEmail);

    /// <returns>null when there is no such token.</returns>
    public static async Task<FoundToken?> FindTokenAsync(this ControlDatabase database, string? token, CancellationToken ct)
    {
        var hash = Credentials.Hash(token ?? "");
        await using var session = await database.OpenAppAsync(ct);
        return await session.FirstAsync(
            "select tenant_id, member_id, purpose, used, expired from control.find_member_token($1)",
            row => new FoundToken(hash, row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetBoolean(3), row.GetBoolean(4)), ct, hash);
    }

    /// <summary>Marks the token as used. Its row stays locked until the transaction ends, so one of two concurrent uses gets false.</summary>
    public static async Task<bool> UseTokenAsync(this Transaction transaction, FoundToken token, CancellationToken ct) =>
        await transaction.ExecuteAsync(MarkUsed, ct, token.Hash) == 1;

    /// <summary>After one link was used, the others that set a password or accept an invitation stop working.</summary>
    public static Task ExpireLinksAsync(this Transaction transaction, Guid member, CancellationToken ct) => transaction.ExecuteAsync(ExpireLinks, ct, member);

    const string Insert = """
        insert into control.member_token (hash, tenant_id, member_id, purpose, expires_at, new_email)
        select $1, $2, $3, $4, now() + $5, $6::text
        where not exists (select 1 from control.member_token
                          where member_id = $3 and purpose = $4 and used_at is null and expires_at > now() + $5 - interval '1 minute'
                            and lower(new_email) is not distinct from lower($6::text))
        """;

    const string ExpireOldest = """
        update control.member_token set used_at = now() where hash in (
            select hash from control.member_token where member_id = $1 and purpose = $2 and used_at is null and expires_at > now()
            order by expires_at desc, hash offset $3)
        """;

    const string HasUsable = """
        select exists (select from control.member_token
                       where member_id = $1 and purpose = $2 and used_at is null and expires_at > now() and lower(new_email) is not distinct from lower($3::text))
        """;

    const string MarkUsed = "update control.member_token set used_at = now() where hash = $1 and used_at is null and expires_at > now()";

    const string ExpireLinks = """
        update control.member_token set used_at = now() where member_id = $1 and purpose in ('reset', 'invite') and used_at is null
        """;
}
