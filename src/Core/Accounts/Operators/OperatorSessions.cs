using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;

namespace ControlPlane.Accounts.Operators;

/// <summary>Signs operators in to /admin with their keys, for 12 hours.</summary>
public sealed class OperatorSessions(ControlDatabase database, Clock clock)
{
    /// <returns>The session for the cookie; null when the key is not an operator's.</returns>
    public async Task<SignInResult.SignedIn?> StartAsync(string? key, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FindOperatorAsync(key?.Trim() ?? "", ct) is not { } found)
        {
            return null;
        }

        var session = Credentials.New();
        var expiresAt = found.Id is { } id
            ? await transaction.ScalarAsync<DateTimeOffset>(StartNamed, ct, Credentials.Hash(session), id)
            : await transaction.ScalarAsync<DateTimeOffset>(Start, ct, Credentials.Hash(session));
        await transaction.AuditAsync(clock, null, found.Actor, "operator.signed_in", null, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(session, expiresAt);
    }

    public async Task EndAsync(string session, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync("delete from control.operator_session where token_hash = $1", ct, Credentials.Hash(session));
        await transaction.ExecuteAsync("delete from control.operator_login where token_hash = $1", ct, Credentials.Hash(session));
        await transaction.CommitAsync(ct);
    }

    const string Start = """
        insert into control.operator_session (token_hash, expires_at) values ($1, now() + interval '12 hours') returning expires_at
        """;

    const string StartNamed = """
        insert into control.operator_login (token_hash, operator_id, expires_at) values ($1, $2, now() + interval '12 hours') returning expires_at
        """;
}

public static class OperatorSessionLookup
{
    /// <returns>null when the session is unknown or has expired, or its operator was revoked.</returns>
    public static Task<OperatorIdentity?> FindOperatorSessionAsync(this Transaction transaction, string session, CancellationToken ct) => transaction.FirstAsync(
        Find, row => new OperatorIdentity(row.Get<Guid?>(0), row.Get<string>(1), OperatorRoles.Parse(row.GetString(2))!.Value), ct, Credentials.Hash(session));

    const string Find = """
        select null::uuid, null::text, 'admin' from control.operator_session where token_hash = $1 and expires_at > now()
        union all
        select o.id, o.name, o.role from control.operator_login l join control.operator o on o.id = l.operator_id
        where l.token_hash = $1 and l.expires_at > now() and o.revoked_at is null
        """;
}
