using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>Signs operators in to /admin with their key, for 12 hours.</summary>
public sealed class OperatorSessions(ControlDatabase database, Clock clock)
{
    /// <returns>The session for the cookie; null when the key is not the operator's.</returns>
    public async Task<SignInResult.SignedIn?> StartAsync(string? key, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var session = Credentials.New();
        if (await transaction.ScalarAsync<DateTimeOffset?>(Start, ct, Credentials.Hash(key?.Trim() ?? ""), Credentials.Hash(session)) is not { } expiresAt)
        {
            return null;
        }

        await transaction.AuditAsync(clock, null, "operator", "operator.signed_in", null, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(session, expiresAt);
    }

    public async Task EndAsync(string session, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync("delete from control.operator_session where token_hash = $1", ct, Credentials.Hash(session));
        await transaction.CommitAsync(ct);
    }

    const string Start = """
        insert into control.operator_session (token_hash, expires_at)
        select $2, now() + interval '12 hours' from control.operator_key where hash = $1
        returning expires_at
        """;
}

public static class OperatorSessionLookup
{
    /// <returns>False when the session is unknown or has expired.</returns>
    public static Task<bool> IsOperatorSessionAsync(this Transaction transaction, string session, CancellationToken ct) =>
        transaction.ScalarAsync<bool>("select true from control.operator_session where token_hash = $1 and expires_at > now()", ct, Credentials.Hash(session));
}
