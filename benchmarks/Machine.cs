using System.Globalization;
using System.Runtime.InteropServices;
using Npgsql;

namespace ControlPlane.Benchmarks;

/// <summary>The machine on which the results were measured.</summary>
sealed record Machine(string Processor, int Cores, long MemoryMib, string System, string Runtime, string Postgres, bool Fsync, string SharedBuffers, DateTimeOffset MeasuredAt)
{
    public string Sentence => string.Create(
        CultureInfo.InvariantCulture,
        $"{Cores} cores of {Processor}, {MemoryMib / 1024} GiB, {System}, {Runtime}, PostgreSQL {Postgres} with fsync {(Fsync ? "on" : "off")} and shared_buffers {SharedBuffers}; client, server and database share them.");

    public static async Task<Machine> ReadAsync(NpgsqlDataSource database, CancellationToken ct)
    {
        var settings = new Dictionary<string, string>();
        await using var command = database.CreateCommand("select name, current_setting(name) from unnest(array['server_version', 'fsync', 'shared_buffers']) name");
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            settings[reader.GetString(0)] = reader.GetString(1);
        }

        return new Machine(
            Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(), Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024 * 1024), RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription,
            settings["server_version"].Split(' ')[0], settings["fsync"] == "on", settings["shared_buffers"], TimeProvider.System.GetUtcNow());
    }

    static string? Field(string file, string name) => File.Exists(file)
        ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        : null;
}
