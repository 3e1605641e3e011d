using Azure.Core;
using ControlPlane.Stripe;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Logging.Console;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The application with a service provider of its own, separate from the Functions worker's: the worker has other routes, forwarded headers and log
/// providers, and the application can be rebuilt while the worker runs.
/// </summary>
sealed class Composition : IAsyncDisposable
{
    /// <summary>Settings that the application would otherwise generate or keep on a disk that does not outlive the instance.</summary>
    static readonly string[] Required =
        ["CONTROLPLANE_DATABASE", "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP", "CONTROLPLANE_DOMAIN", "CONTROLPLANE_PUBLIC_URL"];

    readonly WebApplication _app;
    readonly RequestDelegate _pipeline;
    readonly ProvisioningQueue _provisioning;

    Composition(WebApplication app, RequestDelegate pipeline) =>
        (_app, _pipeline, _provisioning) = (app, pipeline, app.Services.GetRequiredService<ProvisioningQueue>());

    public IServiceProvider Services => _app.Services;

    /// <param name="secrets">Take precedence over the environment.</param>
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
        // The worker has applied the entry of the platform's front end. What is left in these headers comes from Front Door, or can be forged.
        var frontDoor = builder.Configuration[FrontDoorMiddleware.Setting] is { Length: > 0 } id ? id : null;
        builder.Configuration.AddInMemoryCollection([new("ASPNETCORE_FORWARDEDHEADERS_ENABLED", frontDoor is null ? "false" : "true")]);
        if (Required.Where(name => string.IsNullOrEmpty(builder.Configuration[name])).ToArray() is { Length: > 0 } missing)
        {
            throw new SettingException($"Missing settings: {string.Join(", ", missing)}. Set them on the function app or in its key vault (docs/azure.md).");
        }

        if (string.Equals(builder.Configuration["CONTROLPLANE_SANDBOX"], "true", StringComparison.OrdinalIgnoreCase))
        {
            throw new SettingException("CONTROLPLANE_SANDBOX is \"true\": the sandbox clock works in a single process only. Use ./run --sandbox instead.");
        }

        AddLogging(builder);
        builder.Services.AddSingleton<IServer, NullServer>();
        builder.Services.AddRouting();
        builder.Services.AddControlPlane(builder.Configuration);
        builder.Services.AddStripe(builder.Configuration);
        if (EntraPassword.For(builder.Configuration["CONTROLPLANE_DATABASE"]!, identity) is { } passwordProvider)
        {
            builder.Services.AddSingleton(passwordProvider);
        }

        var queues = StorageQueues.CreateClient(builder.Configuration, identity);
        builder.Services.AddSingleton(services => new ProvisioningQueue(
            services.GetRequiredService<ControlDatabase>(), queues?.GetQueueClient(ProvisioningQueue.Name), services.GetRequiredService<ILogger<ProvisioningQueue>>()));
        if (queues is not null)
        {
            builder.Services.AddSingleton<IUsageOverflow>(new UsageQueue(queues.GetQueueClient(UsageQueue.Name)));
        }

        var app = builder.Build();
        app.UseRouting();
        if (frontDoor is not null)
        {
            app.UseMiddleware<FrontDoorMiddleware>(frontDoor);
        }

        app.UseMiddleware<OperatorKeySyncMiddleware>();
        app.MapControlPlane();
        app.UseEndpoints(_ => { });
        await app.StartAsync(ct);
        return new Composition(app, ((IApplicationBuilder)app).Build());
    }

    /// <summary>Serves a request of the worker with the application's pipeline.</summary>
    /// <param name="ct">Cancels the request when the function times out; its work is rolled back.</param>
    public async Task ServeAsync(HttpContext request, CancellationToken ct)
    {
        var (services, aborted) = (request.RequestServices, request.RequestAborted);
        await using var scope = _app.Services.CreateAsyncScope();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(aborted, ct);
        (request.RequestServices, request.RequestAborted) = (scope.ServiceProvider, cancel.Token);
        // The worker has set its own endpoint, and a request that has one is not routed again.
        request.SetEndpoint(null);
        request.Request.RouteValues = [];
        try
        {
            await _pipeline(request);
            await _provisioning.SendAsync(ct);
        }
        finally
        {
            (request.RequestServices, request.RequestAborted) = (services, aborted);
        }
    }

    /// <summary>Runs a job, unless it is running elsewhere.</summary>
    /// <exception cref="InvalidOperationException">The job is unknown or failed. The failure is recorded with its reason; thrown so that the platform reports it, too.</exception>
    public async Task RunJobAsync(string name, CancellationToken ct)
    {
        var job = Services.GetRequiredService<JobCatalog>().Find(name) ?? throw new InvalidOperationException($"Unknown job \"{name}\".");
        if (await Services.GetRequiredService<JobRunner>().RunAsync(job, Services.GetRequiredService<Clock>().GetUtcNow(), ct) is JobResult.Failed { Reason: var reason })
        {
            throw new InvalidOperationException($"The job {name} failed: {reason}");
        }

        await _provisioning.SendAsync(ct);
    }

    /// <summary>Executes the provisioning runs that are due; concurrent calls share them.</summary>
    public async Task ProvisionAsync(Guid tenant, CancellationToken ct)
    {
        var log = Services.GetRequiredService<ILogger<Composition>>();
        using var scope = log.BeginScope(new Dictionary<string, object?> { ["tenant.id"] = tenant });
        foreach (var alert in (await Services.GetRequiredService<RunProvisioning>().RunAsync(ct)).Alerts)
        {
            log.LogWarning("Job {Job} raises an alert: {Alert}", JobSchedules.Provision.Name, alert);
        }
    }

    /// <summary>Ingests usage from the overflow queue.</summary>
    /// <exception cref="Exception">Nothing was ingested: the database is still unavailable, or the message is malformed.</exception>
    public Task DrainAsync(string message, CancellationToken ct) => Services.GetRequiredService<DrainOverflow>().RunAsync(OverflowMessages.Read(message), ct);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    // The worker's logger drops scopes, and with them the tenant. The Functions host reads the console instead: lines on standard error keep their
    // level, all others become Information.
    static void AddLogging(WebApplicationBuilder builder)
    {
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddJsonConsole(line => (line.IncludeScopes, line.UseUtcTimestamp, line.TimestampFormat) = (true, true, "O"));
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Warning);
    }
}
