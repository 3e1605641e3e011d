using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;

namespace ControlPlane.Local;

/// <summary>The application in one process.</summary>
public static class LocalHost
{
    static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(10);

    static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Ends a stream of usage, which has no other limit, when its sender stalls.</summary>
    static readonly MinDataRate MinimumDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));

    /// <summary>Bytes read ahead of the application, per connection. By default it is a megabyte, which any sender could have the process hold.</summary>
    const int RequestBuffer = 128 * 1024;

    /// <param name="settings">Override the environment.</param>
    public static WebApplication Build(IEnumerable<KeyValuePair<string, string?>> settings, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration
            .AddInMemoryCollection(DefaultLogLevels.Settings)
            .AddEnvironmentVariables()
            .AddInMemoryCollection(settings);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(line => (line.SingleLine, line.UseUtcTimestamp, line.TimestampFormat, line.IncludeScopes) = (true, true, "HH:mm:ss ", true));
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        builder.WebHost.UseKestrel(server =>
        {
            server.AddServerHeader = false;
            server.Limits.RequestHeadersTimeout = HeadersTimeout;
            server.Limits.MinRequestBodyDataRate = MinimumDataRate;
            server.Listen(BindAddress(builder.Configuration["CONTROLPLANE_BIND"] ?? "127.0.0.1"), port);
        });
        builder.WebHost.UseSockets(sockets => sockets.MaxReadBufferSize = RequestBuffer);
        builder.Services.AddRouting();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.Services.AddControlPlane(builder.Configuration);
        builder.Services.AddStripe(builder.Configuration);
        builder.Services.AddUsageSpool(builder.Configuration);
        builder.Services.AddHostedService<QueueWatcher>();
        builder.Services.AddHostedService<Scheduler>();

        var app = builder.Build();
        app.MapControlPlane();
        return app;
    }

    static IPAddress BindAddress(string value) => IPAddress.TryParse(value, out var address)
        ? address
        : throw new SettingException($"CONTROLPLANE_BIND is \"{value}\": use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.");

    /// <summary>Migrates the schema, checks that the database belongs to this installation, and reads the sandbox clock.</summary>
    /// <returns>The names of the applied migrations.</returns>
    public static async Task<IReadOnlyList<string>> PrepareAsync(this WebApplication app, CancellationToken ct)
    {
        var database = app.Services.GetRequiredService<ControlDatabase>();
        IReadOnlyList<string> applied;
        try
        {
            applied = await app.Services.GetRequiredService<Migrator>().RunAsync(ct);
        }
        catch (InvalidOperationException e)
        {
            throw new CommandFailedException(e.Message);
        }

        var options = app.Services.GetRequiredService<ControlPlaneOptions>();
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.OtherRegionAsync(options.Region, ct) is { } region)
        {
            throw new CommandFailedException(
                $"This database has tenants in region {region}, but CONTROLPLANE_REGION is {options.Region}: set it to {region}, or use another database.");
        }

        if (!options.Sandbox && await transaction.SandboxTimeAsync(ct) is { } frozen)
        {
            throw new CommandFailedException($"This database is a sandbox whose clock is at {frozen:yyyy-MM-ddTHH:mm:ssZ}: start with --sandbox, or use another database.");
        }

        await app.Services.GetRequiredService<Clock>().ReadAsync(database, ct);
        return applied;
    }
}
