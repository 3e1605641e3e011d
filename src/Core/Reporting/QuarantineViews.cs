namespace ControlPlane.Reporting;

/// <param name="Raw">The received text, truncated to <see cref="QuarantineView.MaxRawLength"/>.</param>
/// <param name="RawLength">Characters of the whole text.</param>
public sealed record QuarantinedEvent(
    Guid Id, string Slug, DateTimeOffset ReceivedAt, string? EventId, string Code, string Detail, string Raw, int RawLength, long TimesSeen);

/// <param name="Codes">Held events by reason.</param>
public sealed record QuarantineView(IReadOnlyList<(string Code, long Count)> Codes, IReadOnlyList<QuarantinedEvent> Items)
{
    /// <summary>Characters of the raw text that are shown: an event may be megabytes long.</summary>
    public const int MaxRawLength = 4000;

    /// <summary>Events on the page.</summary>
    public const int MaxItems = 100;
}

public static class QuarantineViews
{
    /// <param name="code">null: any reason.</param>
    /// <returns>Newest first.</returns>
    public static async Task<QuarantineView> QuarantineAsync(this Transaction transaction, string? code, CancellationToken ct) => new(
        await transaction.QueryAsync(Codes, row => (row.GetString(0), row.GetInt64(1)), ct),
        await transaction.QueryAsync(
            Held,
            row => new QuarantinedEvent(
                row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.Get<string>(3), row.GetString(4), row.GetString(5),
                row.GetString(6), row.GetInt32(7), row.GetInt64(8)),
            ct, code, QuarantineView.MaxRawLength, QuarantineView.MaxItems));

    /// <summary>All held events with one reason, oldest first, for replaying them.</summary>
    public static Task<List<Guid>> HeldOfAsync(this Transaction transaction, string code, CancellationToken ct) =>
        transaction.QueryAsync("select id from control.quarantine where state = 'held' and code = $1 order by received_at, id", row => row.GetGuid(0), ct, code);

    const string Codes = "select code, count(*) from control.quarantine where state = 'held' group by code order by code";

    const string Held = """
        select q.id, coalesce(t.slug, q.tenant_id::text), q.received_at, q.event_id, q.code, q.detail, left(q.raw, $2), length(q.raw), q.times_seen
        from control.quarantine q left join control.tenant t on t.id = q.tenant_id
        where q.state = 'held' and ($1::text is null or q.code = $1) order by q.received_at desc, q.id limit $3
        """;
}
