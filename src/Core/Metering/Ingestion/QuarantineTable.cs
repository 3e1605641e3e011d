using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace ControlPlane.Metering.Ingestion;

/// <summary>How much a tenant may have in quarantine.</summary>
/// <param name="BeforeReady">The part of both that a tenant has whose environment was never ready: one divided by this.</param>
public sealed record QuarantineQuota(long Events, long Bytes, int BeforeReady = 1)
{
    public QuarantineQuota ForNeverReady => new(Events / BeforeReady, Bytes / BeforeReady);

    /// <summary>For events whose senders were told that they are stored. Above it, the drain sets them aside for an operator.</summary>
    public QuarantineQuota ForAcknowledged => new(Events * 2, Bytes * 2);
}

/// <param name="Raw">The received text; in a list its beginning.</param>
/// <param name="RawLength">Characters of the whole text.</param>
/// <param name="TimesSeen">How often the same text was delivered.</param>
public sealed record HeldEvent(
    Guid Id, Guid Tenant, DateTimeOffset ReceivedAt, [property: JsonPropertyName("form")] UsageFormat Format, string? EventId, string Code, string Detail,
    string Raw, int RawLength, long TimesSeen, string State);

/// <summary>Writes <c>control.quarantine</c>: events that could not be counted, with their raw text and the reason.</summary>
public static class QuarantineTable
{
    /// <param name="quota">null: there is always room.</param>
    /// <returns>The positions of submissions for which there is no room.</returns>
    public static async Task<IReadOnlyList<int>> HoldAsync(
        Transaction transaction, Guid tenant, IReadOnlyList<RejectedSubmission> rejected, QuarantineQuota? quota, TimeProvider clock, CancellationToken ct)
    {
        // One row per text, also within a batch: an upsert must not update a row twice. In digest order, to avoid deadlocks.
        var texts = rejected.Select(r => (Rejected: r, Digest: DigestOf(r.Submission)))
            .GroupBy(text => Convert.ToHexString(text.Digest)).OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new Text(
                group.Key, group.First().Digest, group.First().Rejected, [.. group.Select(text => text.Rejected.Position)],
                group.Any(text => text.Rejected.Received.IsAcknowledged))).ToList();
        if (texts.Count == 0)
        {
            return [];
        }

        var fitting = quota is null ? texts : await FitAsync(transaction, tenant, texts, quota, ct);
        if (fitting.Count > 0)
        {
            await transaction.SendAsync([Transaction.For(tenant), InsertTexts(tenant, fitting, clock)], ct);
        }

        return fitting.Count == texts.Count ? [] : [.. texts.Except(fitting).SelectMany(text => text.Positions)];
    }

    // A text that is held already needs no room. The caller holds the tenant's billing lock, so no other delivery fills the room meanwhile.
    static async Task<List<Text>> FitAsync(Transaction transaction, Guid tenant, List<Text> texts, QuarantineQuota quota, CancellationToken ct)
    {
        var (events, bytes) = (0L, 0L);
        HashSet<string> known = [];
        var wasReady = false;
        await transaction.SendAsync([Transaction.For(tenant), new(SelectSize, tenant, texts.ConvertAll(text => text.Digest).ToArray())], ct, async reader =>
        {
            await reader.NextResultAsync(ct);
            await reader.ReadAsync(ct);
            (events, bytes) = (reader.GetInt64(0), reader.GetInt64(1));
            known = [.. (reader.Get<byte[][]>(2) ?? []).Select(digest => Convert.ToHexString(digest))];
            wasReady = reader.GetBoolean(3);
        });
        quota = wasReady ? quota : quota.ForNeverReady;

        var fitting = new List<Text>();
        foreach (var text in texts)
        {
            var length = text.First.Submission.Utf8.Length;
            var limit = text.IsAcknowledged ? quota.ForAcknowledged : quota;
            if (known.Contains(text.Name))
            {
                fitting.Add(text);
            }
            else if (events < limit.Events && bytes + length <= limit.Bytes)
            {
                (events, bytes) = (events + 1, bytes + length);
                fitting.Add(text);
            }
        }

        return fitting;
    }

    static Statement InsertTexts(Guid tenant, List<Text> texts, TimeProvider clock)
    {
        return new(
            Insert, tenant, Column(t => t.First.Received.ReceivedAt), Column(t => Ids.New(clock)), Column(t => NameOf(t.First.Submission.Format)),
            Column(t => t.First.Submission.Id), Column(t => t.First.Submission.Event?.Day), Column(t => t.First.Rejection.Code),
            Column(t => t.First.Rejection.Detail), Column(t => t.First.Submission.Raw.Replace('\0', '\uFFFD')), Column(t => t.Digest),
            Column(t => (long)t.Positions.Count));

        T[] Column<T>(Func<Text, T> value) => texts.ConvertAll(text => value(text)).ToArray();
    }

    /// <summary>Characters of a raw text in a list: an event may be megabytes long.</summary>
    public const int ListedRawLength = 4000;

    /// <summary>Held events, newest first.</summary>
    /// <param name="before">The id of the last row of the previous page; ids sort by time.</param>
    public static Task<List<HeldEvent>> HeldAsync(this Transaction transaction, string? code, Guid? tenant, Guid? before, int limit, CancellationToken ct) =>
        transaction.QueryAsync(
            $"{SelectListed} where state = 'held' and ($1::text is null or code = $1) and ($2::uuid is null or tenant_id = $2) and ($3::uuid is null or id < $3) order by id desc limit $4",
            Read, ct, code, tenant, before, limit);

    /// <summary>A held event with its whole text.</summary>
    public static Task<HeldEvent?> FindHeldAsync(this Transaction transaction, Guid id, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where id = $1 and state = 'held'", Read, ct, id);

    public static Task<HeldEvent?> FindAsync(this Transaction transaction, Guid id, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where id = $1 for update", Read, ct, id);

    /// <summary>The reason for which a replay failed may differ from that of the event's arrival.</summary>
    public static Task RenewReasonAsync(this Transaction transaction, Guid id, Rejection rejection, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.quarantine set code = $2, detail = $3 where id = $1 and state = 'held' and (code, detail) <> ($2, $3)", ct, id, rejection.Code, rejection.Detail);

    public static Task MarkDiscardedAsync(this Transaction transaction, Guid id, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.quarantine set state = 'discarded', discarded_at = $2 where id = $1", ct, id, at);

    public static Task MarkReplayedAsync(this Transaction transaction, Guid id, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.quarantine set state = 'replayed', replayed_at = $2 where id = $1", ct, id, at);

    public static UsageFormat FormatOf(string name) => name == "litellm" ? UsageFormat.Litellm : UsageFormat.Event;

    // The digest includes the format, so that a text that was first sent to the wrong endpoint is held once more in its own format.
    static byte[] DigestOf(Submission submission) => submission.Format == UsageFormat.Event
        ? SHA256.HashData(submission.Utf8.Span)
        : SHA256.HashData([.. Encoding.UTF8.GetBytes(NameOf(submission.Format)), .. submission.Utf8.Span]);

    static string NameOf(UsageFormat format) => format == UsageFormat.Litellm ? "litellm" : "event";

    static HeldEvent Read(Npgsql.NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetGuid(1), row.GetFieldValue<DateTimeOffset>(2), FormatOf(row.GetString(3)), row.Get<string>(4), row.GetString(5),
        row.GetString(6), row.GetString(7), row.GetInt32(8), row.GetInt64(9), row.GetString(10));

    /// <summary>A received text that was rejected.</summary>
    /// <param name="Name">The digest in hexadecimal.</param>
    /// <param name="Positions">Where it is in the batch, once or several times.</param>
    /// <param name="IsAcknowledged">Of at least one of them the sender does not have the text any more.</param>
    sealed record Text(string Name, byte[] Digest, RejectedSubmission First, IReadOnlyList<int> Positions, bool IsAcknowledged);

    const string Select = """
        select id, tenant_id, received_at, form, event_id, code, detail, raw, length(raw), times_seen, state from control.quarantine
        """;

    static readonly string SelectListed = $"""
        select id, tenant_id, received_at, form, event_id, code, detail, left(raw, {ListedRawLength}), length(raw), times_seen, state from control.quarantine
        """;

    const string SelectSize = """
        select count(*), coalesce(sum(bytes), 0)::bigint,
               (select array_agg(raw_digest) from control.quarantine where tenant_id = $1 and raw_digest = any ($2)),
               exists (select from control.environment e where e.tenant_id = $1 and e.first_ready_at is not null)
        from control.quarantine where tenant_id = $1 and state = 'held'
        """;

    // A redelivery of a text that was replayed or discarded leaves its state as it is.
    const string Insert = """
        insert into control.quarantine as q
            (id, tenant_id, received_at, form, event_id, occurred_on, code, detail, raw, raw_digest, times_seen)
        select id, $1, received_at, form, event_id, occurred_on, code, detail, raw, raw_digest, times
        from unnest($2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::date[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[])
            as t (received_at, id, form, event_id, occurred_on, code, detail, raw, raw_digest, times)
        on conflict (tenant_id, raw_digest) do update set times_seen = q.times_seen + excluded.times_seen
        """;
}
