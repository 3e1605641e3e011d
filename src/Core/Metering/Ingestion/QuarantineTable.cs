using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace ControlPlane.Metering.Ingestion;

/// <param name="TimesSeen">How often the same text was delivered.</param>
public sealed record HeldEvent(
    Guid Id, Guid Tenant, DateTimeOffset ReceivedAt, [property: JsonPropertyName("form")] UsageFormat Format, string? EventId, string Code, string Detail,
    string Raw, long TimesSeen, string State);

/// <summary>The only writer of <c>control.quarantine</c>: events that could not be counted, with their raw text and the reason.</summary>
public static class QuarantineTable
{
    public static async Task HoldAsync(
        Transaction transaction, Guid tenant, IReadOnlyList<RejectedSubmission> rejected, TimeProvider clock, CancellationToken ct)
    {
        // One row per text, also within a batch: an upsert must not update a row twice. In digest order, to avoid deadlocks.
        var held = rejected.Select(r => (r.Submission, r.Rejection, r.ReceivedAt, Digest: DigestOf(r.Submission)))
            .GroupBy(h => Convert.ToHexString(h.Digest)).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => (g.First().Submission, g.First().Rejection, g.First().ReceivedAt, g.First().Digest, Times: g.LongCount())).ToList();
        if (held.Count == 0)
        {
            return;
        }

        await transaction.SendAsync(
        [
            Transaction.For(tenant), new(
            Insert, tenant, Column(h => h.ReceivedAt), Column(h => Ids.New(clock)), Column(h => NameOf(h.Submission.Format)), Column(h => h.Submission.Id),
            Column(h => h.Submission.Event?.Day), Column(h => h.Rejection.Code), Column(h => h.Rejection.Detail),
            Column(h => h.Submission.Raw.Replace('\0', '\uFFFD')), Column(h => h.Digest), Column(h => h.Times)),
        ], ct);

        T[] Column<T>(Func<(Submission Submission, Rejection Rejection, DateTimeOffset ReceivedAt, byte[] Digest, long Times), T> value) => held.Select(value).ToArray();
    }

    /// <summary>Held events, newest first.</summary>
    /// <param name="before">The id of the last row of the previous page; ids sort by time.</param>
    public static Task<List<HeldEvent>> HeldAsync(this Transaction transaction, string? code, Guid? tenant, Guid? before, int limit, CancellationToken ct) =>
        transaction.QueryAsync(
            $"{Select} where state = 'held' and ($1::text is null or code = $1) and ($2::uuid is null or tenant_id = $2) and ($3::uuid is null or id < $3) order by id desc limit $4",
            Read, ct, code, tenant, before, limit);

    public static Task<HeldEvent?> FindAsync(this Transaction transaction, Guid id, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where id = $1 for update", Read, ct, id);

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
        row.GetString(6), row.GetString(7), row.GetInt64(8), row.GetString(9));

    const string Select = """
        select id, tenant_id, received_at, form, event_id, code, detail, raw, times_seen, state from control.quarantine
        """;

    // A redelivery of a text that was replayed successfully leaves its state as it is.
    const string Insert = """
        insert into control.quarantine as q
            (id, tenant_id, received_at, form, event_id, occurred_on, code, detail, raw, raw_digest, times_seen)
        select id, $1, received_at, form, event_id, occurred_on, code, detail, raw, raw_digest, times
        from unnest($2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::date[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[])
            as t (received_at, id, form, event_id, occurred_on, code, detail, raw, raw_digest, times)
        on conflict (tenant_id, raw_digest) do update set times_seen = q.times_seen + excluded.times_seen
        """;
}
