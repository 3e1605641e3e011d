namespace ControlPlane.Accounts.Operators;

/// <summary>Revokes a named operator's key and ends their sessions at once. Repeating it changes nothing. The name stays in the audit log.</summary>
public sealed class RevokeOperator(ControlDatabase database, Clock clock)
{
    /// <returns>False when there is no such operator.</returns>
    public async Task<bool> RunAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ScalarAsync<string>(Revoke, ct, id, clock.GetUtcNow()) is not { } name)
        {
            return await transaction.ScalarAsync<bool>("select true from control.operator where id = $1", ct, id);
        }

        await transaction.ExecuteAsync("delete from control.operator_login where operator_id = $1", ct, id);
        await transaction.AuditAsync(clock, null, actor, "operator.revoked", new { id, name }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    const string Revoke = "update control.operator set revoked_at = $2 where id = $1 and revoked_at is null returning name";
}
