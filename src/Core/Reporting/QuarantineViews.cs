using ControlPlane.Metering.Ingestion;
using ControlPlane.Metering.Quarantine;

namespace ControlPlane.Reporting;

/// <param name="Raw">The received text, truncated to <see cref="QuarantineTable.ListedRawLength"/>.</param>
/// <param name="RawLength">Characters of the whole text.</param>
public sealed record QuarantinedEvent(
    Guid Id, Guid Tenant, string Slug, DateTimeOffset ReceivedAt, string? EventId, string Code, string Detail, string Raw, int RawLength, long TimesSeen);

/// <param name="Codes">Held events by reason.</param>
/// <param name="Batches">Newest first.</param>
public sealed record QuarantineView(
    IReadOnlyList<(string Code, long Count)> Codes, IReadOnlyList<QuarantinedEvent> Items, IReadOnlyList<QuarantineBatch> Batches)
{
    /// <summary>Events on the page.</summary>
    public const int MaxItems = 100;

    /// <summary>Batches on the page.</summary>
    public const int MaxBatches = 5;
}

public static class QuarantineViews
{
    /// <param name="code">null: any reason.</param>
    /// <param name="tenant">null: all tenants.</param>
    /// <returns>Newest first.</returns>
    public static async Task<QuarantineView> QuarantineAsync(this Transaction transaction, string? code, Guid? tenant, CancellationToken ct) => new(
        await transaction.QueryAsync(Codes, row => (row.GetString(0), row.GetInt64(1)), ct, tenant),
        await transaction.QueryAsync(
            Held,
            row => new QuarantinedEvent(
                row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.Get<string>(4), row.GetString(5), row.GetString(6),
                row.GetString(7), row.GetInt32(8), row.GetInt64(9)),
            ct, code, tenant, QuarantineTable.ListedRawLength, QuarantineView.MaxItems),
        await transaction.BatchesAsync(before: null, QuarantineView.MaxBatches, ct));

    const string Codes = """
        select code, count(*) from control.quarantine where state = 'held' and ($1::uuid is null or tenant_id = $1) group by code order by code
        """;

    const string Held = """
        select q.id, q.tenant_id, coalesce(t.slug, q.tenant_id::text), q.received_at, q.event_id, q.code, q.detail, left(q.raw, $3), length(q.raw), q.times_seen
        from control.quarantine q left join control.tenant t on t.id = q.tenant_id
        where q.state = 'held' and ($1::text is null or q.code = $1) and ($2::uuid is null or q.tenant_id = $2) order by q.id desc limit $4
        """;
}
