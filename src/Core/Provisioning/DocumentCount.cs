using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>What an environment's owner was told about its documents.</summary>
public enum DocumentNotice { None, Full, Over }

/// <summary>The documents that an environment has, as they were counted last. Pictures in chats are none.</summary>
/// <param name="Allowed">By its plan, or as an operator has set for this tenant; null: any number.</param>
public sealed record DocumentCount(long Documents, long? Allowed, DateTimeOffset CountedAt, DocumentNotice Announced = DocumentNotice.None)
{
    /// <summary>Only by a change to fewer documents, or past Open WebUI's upload: beyond the limit its database accepts none (<see cref="DocumentLimit"/>).</summary>
    public bool IsOver => Documents > Allowed;

    public bool IsFull => Documents >= Allowed;

    /// <summary>The state after the documents were counted again. That they have reached the limit is announced once for each limit, however often some are replaced.</summary>
    public DocumentCount Counted(long documents, long? allowed, DateTimeOffset now)
    {
        var next = new DocumentCount(documents, allowed, now);
        var reached = next.IsOver ? DocumentNotice.Over : next.IsFull && allowed > 0 ? DocumentNotice.Full : DocumentNotice.None;
        var announced = allowed == Allowed && Announced != DocumentNotice.None ? DocumentNotice.Full : DocumentNotice.None;
        return next with { Announced = reached > announced ? reached : announced };
    }
}

static class DocumentTable
{
    public const string Columns = "d.documents, d.allowed, d.counted_at, d.announced";

    /// <param name="first">Of <see cref="Columns"/>.</param>
    public static DocumentCount Read(NpgsqlDataReader row, int first) =>
        new(row.GetInt64(first), row.Get<long?>(first + 1), row.GetFieldValue<DateTimeOffset>(first + 2), (DocumentNotice)row.GetInt32(first + 3));

    public static Task WriteDocumentsAsync(this Transaction transaction, Guid tenant, DocumentCount count, CancellationToken ct) =>
        transaction.ExecuteAsync(Upsert, ct, tenant, count.Documents, count.Allowed, count.CountedAt, (int)count.Announced);

    const string Upsert = """
        insert into control.environment_documents (tenant_id, documents, allowed, counted_at, announced) values ($1, $2, $3, $4, $5)
        on conflict (tenant_id) do update set documents = $2, allowed = $3, counted_at = $4, announced = $5
        """;
}
