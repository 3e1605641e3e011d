namespace ControlPlane.Billing;

/// <summary>Records that an operator has dealt with a review.</summary>
public sealed class ResolveReview(ControlDatabase database, Clock clock)
{
    /// <returns>False when there is no such review; true also when it was resolved before.</returns>
    public async Task<bool> RunAsync(Guid review, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var tenant = await transaction.ScalarAsync<Guid?>(Resolve, ct, review, clock.GetUtcNow(), actor);
        if (tenant is null)
        {
            return await transaction.ScalarAsync<bool>("select exists (select from control.billing_review where id = $1)", ct, review);
        }

        await transaction.AuditAsync(clock, tenant, actor, "review.resolved", new { review }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    const string Resolve = "update control.billing_review set resolved_at = $2, resolved_by = $3 where id = $1 and resolved_at is null returning tenant_id";
}
