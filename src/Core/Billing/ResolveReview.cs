using ControlPlane.Billing.Credits;

namespace ControlPlane.Billing;

public abstract record AcceptReviewResult
{
    /// <param name="Amount">EUR of goodwill that was added, before tax.</param>
    public sealed record Accepted(decimal Amount) : AcceptReviewResult;
    /// <summary>It proposes nothing, was resolved before, or its tenant is deleted.</summary>
    public sealed record NothingToAccept : AcceptReviewResult;
    public sealed record NotFound : AcceptReviewResult;
}

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

    /// <summary>Adds the goodwill that a review proposes, once.</summary>
    public async Task<AcceptReviewResult> AcceptAsync(Guid review, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FirstAsync(
            "select tenant_id, subject, case when resolved_at is null then proposed_eur end from control.billing_review where id = $1 for update",
            row => Tuple.Create(row.GetGuid(0), row.GetString(1), row.Get<decimal?>(2)), ct, review) is not ({ } tenant, { } subject, var amount))
        {
            return new AcceptReviewResult.NotFound();
        }

        if (amount is null || await AddAdjustment.AddAsync(
            transaction, clock, tenant, new NewAdjustment("goodwill", $"Credit for the availability in {subject}", amount, $"Review {review}"), actor, ct) is null)
        {
            return new AcceptReviewResult.NothingToAccept();
        }

        await transaction.ScalarAsync<Guid?>(Resolve, ct, review, clock.GetUtcNow(), actor);
        await transaction.AuditAsync(clock, tenant, actor, "review.accepted", new { review, amount }, ct);
        await transaction.CommitAsync(ct);
        return new AcceptReviewResult.Accepted(amount.Value);
    }

    const string Resolve = "update control.billing_review set resolved_at = $2, resolved_by = $3 where id = $1 and resolved_at is null returning tenant_id";
}
