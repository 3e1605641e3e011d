namespace ControlPlane.Reporting;

/// <summary>Something about a tenant's money that an operator has to look at.</summary>
/// <param name="Kind">suspended, closing, dispute, refund_failed, hard_decline, address_missing, no_price, availability, vat_id_invalid or amount_mismatch.</param>
/// <param name="Subject">Such as the number of an invoice.</param>
/// <param name="ProposedEur">Goodwill before tax that accepting it adds; null: there is nothing to accept.</param>
public sealed record Review(Guid Id, Guid Tenant, string Slug, string Kind, string Subject, string Detail, DateTimeOffset RaisedAt, decimal? ProposedEur);

public static class Reviews
{
    /// <param name="cursor">Id of the last one of the page before; null: the first page.</param>
    /// <returns>Those that are not resolved, oldest first.</returns>
    public static Task<List<Review>> OpenReviewsAsync(this Transaction transaction, Guid? cursor, int limit, CancellationToken ct) => transaction.QueryAsync(
        Select,
        row => new Review(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetFieldValue<DateTimeOffset>(6), row.Get<decimal?>(7)),
        ct, cursor, limit);

    const string Select = """
        select r.id, r.tenant_id, coalesce(t.former_slug, t.slug), r.kind, r.subject, r.detail, r.raised_at, r.proposed_eur
        from control.billing_review r join control.tenant t on t.id = r.tenant_id
        where r.resolved_at is null and ($1::uuid is null or r.id > $1) order by r.id limit $2
        """;
}
