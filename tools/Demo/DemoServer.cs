using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Demo;

/// <summary>A new sandbox for the demo: its own data folder, database and port. Other installations are not touched.</summary>
public sealed class DemoServer : IAsyncDisposable
{
    readonly Installation _installation;
    readonly WebApplication _app;

    DemoServer(Installation installation, WebApplication app, string operatorKey)
    {
        (_installation, _app) = (installation, app);
        Address = new Uri($"http://localhost:{installation.Options.Port}");
        Operator = NewClient(operatorKey);
    }

    public Uri Address { get; }
    public string Folder => _installation.Data.Path;
    public string Mail => _installation.Data.Mail;
    public string Environments => _installation.Data.Environments;

    /// <summary>null: the database is in the folder. Holds no password.</summary>
    public string? DatabaseName => _installation.Options.Database is { } given ? new NpgsqlConnectionStringBuilder(given).Database : null;

    /// <summary>Calls the API with the operator's key.</summary>
    public HttpClient Operator { get; }

    /// <summary>Compares what the API reports with what is stored.</summary>
    public ControlDatabase Database => _app.Services.GetRequiredService<ControlDatabase>();

    /// <param name="parent">The demo creates its own folder in here.</param>
    /// <param name="database">Connection string of a server on which to create the database; null: an embedded server.</param>
    /// <param name="settings">Of the seller; null: invoices carry no tax.</param>
    public static async Task<DemoServer> StartAsync(
        string parent, string? database, DateTimeOffset clock, CancellationToken ct, IReadOnlyDictionary<string, string?>? settings = null)
    {
        using var around = DataDirectory.Open(parent);
        var folder = NewFolder(around);
        var options = new RunOptions(FreePort(), folder, Sandbox: true, database is null ? null : await NewDatabaseAsync(database, ct), clock);
        var installation = await Installation.OpenAsync(options, join: false, ct);
        try
        {
            var app = LocalHost.Build(Settings(installation, settings), options.Port);
            await Serve.StartAsync(app, installation, ct);
            return new DemoServer(installation, app, (await File.ReadAllTextAsync(installation.Data.At("operator.key"), ct)).Trim());
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    /// <param name="key">Sent as Bearer; null: none.</param>
    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient { BaseAddress = Address };
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>Advances the sandbox clock; jobs that come due in between run before the response.</summary>
    /// <returns>One sentence per job that failed or raised an alert.</returns>
    public async Task<IReadOnlyList<string>> MoveClockAsync(DateTimeOffset now, CancellationToken ct)
    {
        using var reply = await Operator.PostAsJsonAsync("/v1/sandbox/clock", new { now }, ct);
        using var moved = JsonDocument.Parse(await reply.TextAsync(ct));
        return [.. moved.RootElement.GetProperty("ran").EnumerateArray()
            .Where(run => run.GetProperty("outcome").GetString() != "succeeded" || run.TryGetProperty("alerts", out _))
            .Select(run => $"A job failed or raised an alert: {run.GetRawText()}")];
    }

    public async ValueTask DisposeAsync()
    {
        Operator.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _installation.DisposeAsync();
    }

    // Settings of a real installation must not reach the demo: mail is written to files, no container starts, and the seller is the demo's own.
    static Dictionary<string, string?> Settings(Installation installation, IReadOnlyDictionary<string, string?>? own)
    {
        var settings = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith("CONTROLPLANE_", StringComparison.Ordinal)).ToDictionary(name => name, _ => (string?)null);
        foreach (var (name, value) in installation.Settings().Concat(own ?? new Dictionary<string, string?>()))
        {
            settings[name] = value;
        }

        settings["CONTROLPLANE_PUBLIC_URL"] = $"http://localhost:{installation.Options.Port}";
        settings["CONTROLPLANE_DATAPLANE"] = "render";
        // The check at the end reads the trial's records with the trial's key.
        settings["CONTROLPLANE_RETENTION"] = "trials=90d";
        return settings;
    }

    static string NewFolder(DataDirectory around)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"demo-{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}");
        return Enumerable.Range(1, int.MaxValue).Select(n => around.At(n == 1 ? name : $"{name}-{n}")).First(path => !Directory.Exists(path));
    }

    static async Task<string> NewDatabaseAsync(string server, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(server) { Pooling = false };
        var name = $"demo_{Ids.New(TimeProvider.System):N}";
        await using var connection = new NpgsqlConnection(settings.ToString());
        await connection.OpenAsync(ct);
        await connection.ExecuteAsync($"create database {name}", ct);
        return new NpgsqlConnectionStringBuilder(server) { Database = name }.ToString();
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
