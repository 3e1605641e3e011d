namespace ControlPlane.Billing;

/// <summary>What operators have to decide or to look at: one open entry for each subject, such as an invoice's number.</summary>
static class BillingReviews
{
    /// <param name="kind">As in <c>control.billing_review</c>.</param>
    /// <param name="proposedEur">Goodwill before tax that accepting it adds; null: there is nothing to accept.</param>
    public static Task RaiseReviewAsync(
        this Transaction transaction, Clock clock, Guid tenant, string kind, string subject, string detail, CancellationToken ct, decimal? proposedEur = null) =>
        transaction.ExecuteAsync(Raise, ct, Ids.New(clock), tenant, kind, subject, detail, clock.GetUtcNow(), proposedEur);

    /// <summary>The reason of an entry has gone.</summary>
    public static Task EndReviewAsync(this Transaction transaction, Clock clock, Guid tenant, string kind, string subject, CancellationToken ct) =>
        transaction.ExecuteAsync(End, ct, tenant, kind, subject, clock.GetUtcNow());

    const string Raise = """
        insert into control.billing_review (id, tenant_id, kind, subject, detail, raised_at, proposed_eur) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (tenant_id, kind, subject) where resolved_at is null do nothing
        """;

    const string End = """
        update control.billing_review set resolved_at = $4, resolved_by = 'job:billing' where tenant_id = $1 and kind = $2 and subject = $3 and resolved_at is null
        """;
}
