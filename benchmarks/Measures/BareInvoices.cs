using Npgsql;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>
/// The rows of invoices that were written before, inserted again into copies of the tables: prepared statements, one round trip and one transaction an invoice, without row-level security,
/// triggers and references.
/// </summary>
sealed class BareInvoices
{
    /// <summary>All that the transaction of an invoice inserts.</summary>
    static readonly (string Table, string Of)[] Tables =
    [
        ("invoice", "id"), ("invoice_line", "invoice_id"), ("invoice_tax", "invoice_id"), ("invoice_undocumented", "invoice_id"), ("payment", "invoice_id"), ("billing_period", "invoice_id"),
    ];

    readonly Dictionary<Guid, List<(string Sql, NpgsqlParameter[] Values)>> _invoices = [];

    /// <summary>Reads the invoices that were just written, before their documents are.</summary>
    public static async Task<BareInvoices> ReadAsync(BenchEnvironment environment, CancellationToken ct)
    {
        var bare = new BareInvoices();
        await environment.ExecuteAsync("create schema if not exists bare", ct);
        foreach (var (table, of) in Tables)
        {
            await environment.ExecuteAsync($"drop table if exists bare.{table}; create table bare.{table} (like control.{table} including all)", ct);
            await bare.AddAsync(environment, table, of, ct);
        }

        return bare;
    }

    public async Task<int> InsertAsync(BenchEnvironment environment, CancellationToken ct)
    {
        await environment.ExecuteAsync($"truncate {string.Join(", ", Tables.Select(table => $"bare.{table.Table}"))}; checkpoint", ct);
        await using var connection = await environment.Database.OpenConnectionAsync(ct);
        foreach (var rows in _invoices.Values)
        {
            // A batch is one transaction and one round trip.
            await using var batch = new NpgsqlBatch(connection);
            foreach (var (sql, values) in rows)
            {
                var command = new NpgsqlBatchCommand(sql);
                command.Parameters.AddRange(values.Select(value => value.Clone()).ToArray());
                batch.BatchCommands.Add(command);
            }

            await batch.ExecuteNonQueryAsync(ct);
        }

        return _invoices.Count;
    }

    async Task AddAsync(BenchEnvironment environment, string table, string of, CancellationToken ct)
    {
        var columns = await environment.ScalarAsync<string[]>(
            $"select array_agg(attname::text order by attnum) from pg_attribute where attrelid = 'control.{table}'::regclass and attnum > 0 and not attisdropped and attgenerated = ''", ct);
        await using var command = environment.Database.CreateCommand($"select {of}, {string.Join(", ", columns)} from control.{table} where {of} is not null");
        await using var reader = await command.ExecuteReaderAsync(ct);
        var sql = $"insert into bare.{table} ({string.Join(", ", columns)}) values ({string.Join(", ", columns.Select((_, index) => $"${index + 1}"))})";
        while (await reader.ReadAsync(ct))
        {
            var values = Enumerable.Range(1, columns.Length).Select(index => new NpgsqlParameter { DataTypeName = reader.GetDataTypeName(index), Value = reader.GetValue(index) }).ToArray();
            var invoice = reader.GetGuid(0);
            (_invoices.TryGetValue(invoice, out var rows) ? rows : _invoices[invoice] = []).Add((sql, values));
        }
    }
}
