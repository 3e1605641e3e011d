using Azure.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Logging.Console;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The application with its own services, beside those of the Functions worker. The worker's framework has other routes, forwarded headers
/// and log sinks than the application, and the application can be composed again while the worker runs.
/// </summary>
sealed class Composition : IAsyncDisposable
{
    /// <summary>What the application would otherwise make up or keep on a disk that is gone with the instance.</summary>
    static readonly string[] Required =
        ["CONTROLPLANE_DATABASE", "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP", "CONTROLPLANE_DOMAIN", "CONTROLPLANE_PUBLIC_URL"];

    readonly WebApplication _app;
    readonly RequestDelegate _pipeline;
    readonly WorkQueue _work;

    Composition(WebApplication app, RequestDelegate pipeline) =>
        (_app, _pipeline, _work) = (app, pipeline, app.Services.GetRequiredService<WorkQueue>());

    public IServiceProvider Services => _app.Services;

    /// <param name="secrets">Win over the environment.</param>
    /// <exception cref="SettingException">A setting is missing or wrong; the message names it and says what to set.</exception>
    public static async Task<Composition> StartAsync(
        IConfiguration environment, IReadOnlyDictionary<string, string?> secrets, TokenCredential identity, CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration
            .AddInMemoryCollection(DefaultLogLevels.Settings)
            .AddInMemoryCollection([new("CONTROLPLANE_DATA", Path.Combine(Path.GetTempPath(), "controlplane"))])
            .AddConfiguration(environment)
            .AddInMemoryCollection(secrets);
        // The worker's framework has taken what the platform's front end says of the client. What is left in these headers is Front Door's word, or
        // else the client's own invention.
        var frontDoor = builder.Configuration[ThroughFrontDoor.Setting] is { Length: > 0 } id ? id : null;
        builder.Configuration.AddInMemoryCollection([new("ASPNETCORE_FORWARDEDHEADERS_ENABLED", frontDoor is null ? "false" : "true")]);
        if (Required.Where(name => string.IsNullOrEmpty(builder.Configuration[name])).ToArray() is { Length: > 0 } missing)
        {
            throw new SettingException($"Not set: {string.Join(", ", missing)}. Set them on the function app or in its key vault (docs/azure.md).");
        }

        if (string.Equals(builder.Configuration["CONTROLPLANE_SANDBOX"], "true", StringComparison.OrdinalIgnoreCase))
        {
            throw new SettingException("CONTROLPLANE_SANDBOX is \"true\": a test clock moves one process. Run ./run --sandbox instead.");
        }

        Log(builder);
        builder.Services.AddSingleton<IServer, NullServer>();
        builder.Services.AddRouting();
        builder.Services.AddControlPlane(builder.Configuration);
        if (EntraPassword.For(builder.Configuration["CONTROLPLANE_DATABASE"]!, identity) is { } makePassword)
        {
            builder.Services.AddSingleton(makePassword);
        }

        var queues = StorageQueues.Of(builder.Configuration, identity);
        builder.Services.AddSingleton(services => new WorkQueue(
            services.GetRequiredService<ControlDatabase>(), queues?.GetQueueClient(WorkQueue.Name), services.GetRequiredService<ILogger<WorkQueue>>()));
        if (queues is not null)
        {
            builder.Services.AddSingleton<IUsageOverflow>(new UsageQueue(queues.GetQueueClient(UsageQueue.Name)));
        }

        var app = builder.Build();
        app.UseRouting();
        if (frontDoor is not null)
        {
            app.UseMiddleware<ThroughFrontDoor>(frontDoor);
        }

        app.UseMiddleware<OperatorKeySyncMiddleware>();
        app.MapControlPlane();
        app.UseEndpoints(_ => { });
        await app.StartAsync(ct);
        return new Composition(app, ((IApplicationBuilder)app).Build());
    }

    /// <summary>Serves one request of the worker's, as if it came to a server of our own.</summary>
    /// <param name="ct">Ends the request when the function's time is up; what it began is rolled back.</param>
    public async Task ServeAsync(HttpContext request, CancellationToken ct)
    {
        var (services, aborted) = (request.RequestServices, request.RequestAborted);
        await using var scope = _app.Services.CreateAsyncScope();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(aborted, ct);
        (request.RequestServices, request.RequestAborted) = (scope.ServiceProvider, stop.Token);
        // The worker has routed to its one endpoint. A request that has an endpoint already is not routed again.
        request.SetEndpoint(null);
        request.Request.RouteValues = [];
        try
        {
            await _pipeline(request);
            await _work.SendAsync(ct);
        }
        finally
        {
            (request.RequestServices, request.RequestAborted) = (services, aborted);
        }
    }

    /// <summary>Runs one of the application's jobs. One that is running elsewhere is left to it.</summary>
    /// <exception cref="InvalidOperationException">The run failed, which is on record with its reason; the platform is to show it, too.</exception>
    public async Task RunJobAsync(string name, CancellationToken ct)
    {
        var job = Services.GetRequiredService<JobCatalog>().Find(name) ?? throw new InvalidOperationException($"There is no job \"{name}\".");
        if (await Services.GetRequiredService<JobRunner>().RunAsync(job, Services.GetRequiredService<Clock>().GetUtcNow(), ct) is JobResult.Failed { Why: var why })
        {
            throw new InvalidOperationException($"The job {name} failed: {why}");
        }

        await _work.SendAsync(ct);
    }

    /// <summary>Does the provisioning that is due, beside whoever else does.</summary>
    public async Task ProvisionAsync(Guid tenant, CancellationToken ct)
    {
        var log = Services.GetRequiredService<ILogger<Composition>>();
        using var scope = log.BeginScope(new Dictionary<string, object?> { ["tenant.id"] = tenant });
        foreach (var alert in (await Services.GetRequiredService<RunProvisioning>().RunAsync(ct)).Alerts)
        {
            log.LogWarning("Job {Job} raises an alert: {Alert}", JobSchedules.Provision.Name, alert);
        }
    }

    /// <summary>Counts usage that waited in the queue.</summary>
    /// <exception cref="Exception">It is not counted: the database is still away, or the message is none.</exception>
    public Task DrainAsync(string message, CancellationToken ct) => Services.GetRequiredService<DrainOverflow>().RunAsync(OverflowMessages.Read(message), ct);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    // The worker's own way to the log drops scopes, and with them the tenant. The Functions host reads the console: lines on standard error have
    // the level there that they name, all others are information.
    static void Log(WebApplicationBuilder builder)
    {
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddJsonConsole(line => (line.IncludeScopes, line.UseUtcTimestamp, line.TimestampFormat) = (true, true, "O"));
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Warning);
    }
}
