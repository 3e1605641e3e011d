using System.Collections.Concurrent;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.HttpOverrides;
using Npgsql;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>
/// A stand-in for the Functions worker's HTTP server in the test's process. Like the worker's, it applies one entry of the forwarded headers, routes
/// to the function by the trigger's route, and runs the function outside the request's execution context.
/// </summary>
sealed class WorkerStandIn : IAsyncDisposable
{
    readonly WebApplication _worker;
    readonly string _data;
    readonly CancellationTokenSource _timeout = new();
    readonly ConcurrentBag<Task> _invocations = [];

    WorkerStandIn(WebApplication worker, CurrentApplication application, string connectionString, string operatorKey)
    {
        (_worker, Application, ConnectionString) = (worker, application, connectionString);
        _data = Settings(connectionString)["CONTROLPLANE_DATA"]!;
        Address = new Uri(worker.Urls.Single());
        Anonymous = NewClient(key: null);
        Operator = NewClient(operatorKey);
    }

    public CurrentApplication Application { get; }
    public string ConnectionString { get; }
    public Uri Address { get; }
    public HttpClient Anonymous { get; }
    public HttpClient Operator { get; }

    public static Dictionary<string, string?> Settings(string connectionString) => new()
    {
        ["CONTROLPLANE_DATABASE"] = connectionString,
        ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
        ["CONTROLPLANE_SMTP"] = "smtp://localhost:2525?tls=off",
        ["CONTROLPLANE_DOMAIN"] = "example.com",
        ["CONTROLPLANE_PUBLIC_URL"] = "https://portal.example.com",
        ["CONTROLPLANE_DATAPLANE"] = "render",
        ["CONTROLPLANE_DATA"] = Path.Combine(Path.GetTempPath(), new NpgsqlConnectionStringBuilder(connectionString).Database!),
    };

    public static async Task<WorkerStandIn> StartAsync(params KeyValuePair<string, string?>[] settings)
    {
        var connectionString = await TestCluster.NewDatabaseAsync();
        var key = Credentials.New(Credentials.OperatorKeyPrefix);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([.. Settings(connectionString), new("CONTROLPLANE_OPERATOR_KEY", key), .. settings]).Build();
        var application = await CurrentApplication.StartAsync(configuration, new Identity(), vault: null, TimeProvider.System, CancellationToken.None);
        WorkerStandIn? worker = null;
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting();
        builder.Services.Configure<ForwardedHeadersOptions>(headers => headers.ForwardedHeaders = ForwardedHeaders.All);
        var app = builder.Build();
        app.UseForwardedHeaders();
        app.UseRouting();
        app.MapMethods(FunctionMetadata.Http.Route!, FunctionMetadata.Http.Methods, context =>
        {
            var invocation = new Invocation(app.Services, worker!._timeout.Token);
            using (ExecutionContext.SuppressFlow())
            {
                var running = Task.Run(() => new HttpFunction(application).ServeAsync(context.Request, invocation));
                worker._invocations.Add(running);
                return running;
            }
        });
        await app.StartAsync();
        return worker = new WorkerStandIn(app, application, connectionString, key);
    }

    /// <param name="key">Sent as Bearer; null: none.</param>
    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }

        return client;
    }

    /// <summary>As the schema's owner, on an unpooled connection.</summary>
    public async Task<long> CountAsync(string sql)
    {
        await using var connection = await OpenAsync();
        return await connection.ScalarAsync<long>(sql, CancellationToken.None);
    }

    /// <summary>As the schema's owner.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await connection.ExecuteAsync(sql, CancellationToken.None);
    }

    /// <summary>Cancels all invocations as a timeout does, and waits until they have ended.</summary>
    public async Task TimeOutInvocationsAsync()
    {
        await _timeout.CancelAsync();
        await Task.WhenAll(_invocations);
    }

    public async ValueTask DisposeAsync()
    {
        Anonymous.Dispose();
        Operator.Dispose();
        await _worker.DisposeAsync();
        await Application.StopAsync(CancellationToken.None);
        Application.Dispose();
        _timeout.Dispose();
        await TestCluster.DropAsync(ConnectionString);
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }
}
