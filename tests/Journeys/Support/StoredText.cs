using Npgsql;

namespace ControlPlane.Tests.Support;

static class StoredText
{
    /// <returns>The tables in which a row contains the text, in upper or lower case.</returns>
    public static async Task<IReadOnlyList<string>> TablesWithAsync(this TestServer server, string text)
    {
        await using var database = NpgsqlDataSource.Create(server.ConnectionString);
        var tables = new List<string>();
        await using (var command = database.CreateCommand("select oid::regclass::text from pg_class where relnamespace = 'control'::regnamespace and relkind in ('r', 'p') and not relispartition"))
        await using (var reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                tables.Add(reader.GetString(0));
            }
        }

        var found = new List<string>();
        foreach (var table in tables)
        {
            await using var command = database.CreateCommand($"select count(*) from {table} t where t::text ilike '%' || $1 || '%'");
            command.Parameters.Add(new() { Value = text });
            if ((long)(await command.ExecuteScalarAsync())! > 0)
            {
                found.Add(table);
            }
        }

        return found;
    }
}
