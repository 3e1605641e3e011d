using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>Ends one session. Repeating it changes nothing.</summary>
public sealed class SignOut(ControlDatabase database)
{
    public async Task RunAsync(Guid tenant, string session, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.ExecuteAsync("delete from control.member_session where token_hash = $1", ct, Credentials.Hash(session));
        await transaction.CommitAsync(ct);
    }
}
