using System.Text.Json;
using Npgsql;

namespace ControlPlane.Metering.Quarantine;

/// <summary>An operator's request to replay or discard all held events of one reason, and how far it is.</summary>
/// <param name="Action"><c>replay</c> or <c>discard</c>.</param>
/// <param name="Tenant">null: of all tenants.</param>
/// <param name="Total">Events that were held at the time of the request.</param>
/// <param name="StillHeld">Processed events that could not be counted, by reason.</param>
/// <param name="FinishedAt">null: in progress.</param>
public sealed record QuarantineBatch(
    Guid Id, string Action, string Code, Guid? Tenant, DateTimeOffset RequestedAt, long Total, long Processed, IReadOnlyDictionary<string, long> StillHeld,
    DateTimeOffset? FinishedAt);

/// <summary>Reads batches, and records their progress, also in the events themselves: <c>last_batch_id</c>.</summary>
public static class QuarantineBatchTable
{
    /// <returns>Newest first.</returns>
    /// <param name="before">The last id of the previous page.</param>
    public static Task<List<QuarantineBatch>> BatchesAsync(this Transaction transaction, Guid? before, int limit, CancellationToken ct) =>
        transaction.QueryAsync($"{Select} where $1::uuid is null or id < $1 order by id desc limit $2", Read, ct, before, limit);

    /// <summary>Call it in the transaction that processes the event.</summary>
    /// <param name="batch">null: the event is not part of a batch.</param>
    /// <param name="stillHeld">Why the event could not be counted; null: it has left quarantine.</param>
    internal static Task RecordProgressAsync(this Transaction transaction, Guid? batch, Guid id, string? stillHeld, CancellationToken ct) =>
        batch is null ? Task.CompletedTask : transaction.ExecuteAsync(Record, ct, batch, id, stillHeld);

    internal static QuarantineBatch Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.Get<Guid?>(3), row.GetFieldValue<DateTimeOffset>(4), row.GetInt64(5), row.GetInt64(6),
        JsonSerializer.Deserialize<Dictionary<string, long>>(row.GetString(7))!, row.Get<DateTimeOffset?>(8));

    internal const string Columns = "id, action, code, tenant_id, requested_at, total, processed, still_held, finished_at";

    internal const string Select = $"select {Columns} from control.quarantine_batch";

    const string Record = """
        with event as (update control.quarantine set last_batch_id = $1 where id = $2)
        update control.quarantine_batch set processed = processed + 1, still_held = case when $3::text is null then still_held
            else still_held || jsonb_build_object($3::text, coalesce((still_held ->> $3)::bigint, 0) + 1) end
        where id = $1
        """;
}
