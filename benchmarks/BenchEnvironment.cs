using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Benchmarks;

/// <summary>A tenant and its key.</summary>
sealed record BenchTenant(Guid Id, string Key);

/// <summary>A PostgreSQL instance, the measured server in its own process, and tenants. Deleted when disposed.</summary>
sealed class BenchEnvironment : IAsyncDisposable
{
    const string OperatorKey = "cpo_benchmarks-only-on-a-temporary-database";

    /// <summary>In tokens. Checked, but never reached.</summary>
    const long Limit = ControlPlane.Limits.UserLimits.MaximumTokens;

    readonly Installation _installation;
    readonly Process _server;

    BenchEnvironment(Installation installation, Process server, int port)
    {
        (_installation, _server, Port) = (installation, server, port);
        Database = new NpgsqlDataSourceBuilder(installation.ConnectionString + ";Command Timeout=0").Build();
        Operator = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(10) };
        Operator.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", OperatorKey);
    }

    public int Port { get; }
    public HttpClient Operator { get; }

    /// <summary>Connections of the superuser, for baselines without row-level security.</summary>
    public NpgsqlDataSource Database { get; }

    public string ConnectionString => _installation.ConnectionString;
    public IReadOnlyList<BenchTenant> Tenants { get; private set; } = [];

    /// <summary>Resident memory of the server in MB.</summary>
    public double ServerMegabytes
    {
        get
        {
            _server.Refresh();
            return _server.WorkingSet64 / 1e6;
        }
    }

    public static async Task<BenchEnvironment> StartAsync(CancellationToken ct)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"controlplane-bench-{Environment.ProcessId}");
        var installation = await Installation.OpenAsync(new RunOptions(FreePort(), folder, Sandbox: false, Database: null, Clock: null), join: false, ct);
        var environment = new BenchEnvironment(installation, await StartServerAsync(installation, ct), installation.Options.Port);
        try
        {
            await environment.CreateTenantsAsync(8, ct);
            return environment;
        }
        catch
        {
            await environment.DisposeAsync();
            throw;
        }
    }

    public async Task ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(ct);
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken ct)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Deletes all usage, and writes pending changes to disk.</summary>
    public Task EmptyAsync(CancellationToken ct) => ExecuteAsync(
        "truncate control.usage_event, control.usage_counter, control.usage_day, control.daily_usage, control.rolled_up_day, control.budget, control.budget_alert, control.reservation, control.authorization_answer; checkpoint", ct);

    /// <summary>Ends all authorized calls, as if they had used nothing.</summary>
    public Task ReleaseReservationsAsync(CancellationToken ct) => ExecuteAsync("truncate control.reservation; update control.budget set reserved = 0", ct);

    public async ValueTask DisposeAsync()
    {
        Operator.Dispose();
        _server.Kill(entireProcessTree: true);
        await _server.WaitForExitAsync();
        _server.Dispose();
        await Database.DisposeAsync();
        var folder = _installation.Data.Path;
        var database = new DirectoryInfo(_installation.Data.At("postgres"));
        await _installation.DisposeAsync();
        if (database.LinkTarget is { } target)
        {
            Directory.Delete(target, recursive: true);
        }

        Directory.Delete(folder, recursive: true);
    }

    static async Task<Process> StartServerAsync(Installation installation, CancellationToken ct)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (var argument in new[] { typeof(BenchEnvironment).Assembly.Location, "serve", "--port", installation.Options.Port.ToString(CultureInfo.InvariantCulture) })
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in installation.Settings())
        {
            start.Environment[name] = value;
        }

        start.Environment["CONTROLPLANE_OPERATOR_KEY"] = OperatorKey;
        start.Environment["CONTROLPLANE_DATAPLANE"] = "render";
        // Calls that are authorized here are never made, so they are as many as the server can authorize.
        start.Environment["CONTROLPLANE_LIMIT_AUTHORIZATIONS"] = "10000";
        start.Environment["CONTROLPLANE_LIMIT_RESERVATIONS"] = "10000";
        var server = Process.Start(start)!;
        return await server.StandardOutput.ReadLineAsync(ct) == "ready" ? server : throw new InvalidOperationException("The server did not start.");
    }

    // With limits that are checked but never reached, and ready environments, so that calls are authorized.
    async Task CreateTenantsAsync(int count, CancellationToken ct)
    {
        var tenants = new List<BenchTenant>();
        for (var number = 1; number <= count; number++)
        {
            using var created = await Operator.PostAsJsonAsync(
                "/v1/admin/tenants", new { organization = $"Tenant {number}", slug = $"bench-{number}", plan = "enterprise", email = $"owner{number}@bench.example", country = "DE" }, ct);
            var reply = await created.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(ct);
            tenants.Add(new BenchTenant(reply.GetProperty("tenant_id").GetGuid(), reply.GetProperty("api_key").GetString()!));
            using var limited = await Operator.PutAsJsonAsync(
                $"/v1/admin/tenants/{tenants[^1].Id}/limits", new { tokens_per_day = Limit, tokens_per_month = Limit, reason = "benchmark" }, ct);
            limited.EnsureSuccessStatusCode();
        }

        while (await ScalarAsync<long>("select count(*) from control.environment where state = 'ready'", ct) < count)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), ct);
        }

        // Creates the partitions of usage_event.
        using var nightly = await Operator.PostAsync("/v1/admin/jobs/nightly/run", null, ct);
        nightly.EnsureSuccessStatusCode();
        Tenants = tenants;
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
