using System.Diagnostics;
using System.Globalization;

namespace ControlPlane.Local;

/// <summary><c>./run serve</c>: runs everything in this process until it is stopped.</summary>
static class Serve
{
    public static async Task RunAsync(RunOptions options, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        await using var installation = await Installation.OpenAsync(options, join: false, ct);
        await using var app = LocalHost.Build(installation.Settings(), options.Port);
        var key = await StartAsync(app, installation, ct);
        PrintSummary(app, installation, key, Stopwatch.GetElapsedTime(started));
        await StoppedAsync(app, ct);
        await app.StopAsync(CancellationToken.None);
    }

    /// <summary>Migrates, prepares the operator key, and starts the server of an open installation.</summary>
    /// <returns>One line that says where the operator key is.</returns>
    public static async Task<string> StartAsync(WebApplication app, Installation installation, CancellationToken ct)
    {
        await app.PrepareAsync(ct);
        var database = app.Services.GetRequiredService<ControlDatabase>();
        var clock = app.Services.GetRequiredService<Clock>();
        if (installation.Options.Clock is { } now)
        {
            await SetClockAsync(app.Services, now, ct);
        }

        var key = await new OperatorKey(database, clock, installation.Data).EnsureAsync(app.Configuration["CONTROLPLANE_OPERATOR_KEY"], ct);
        await app.StartAsync(ct);
        return key;
    }

    // The first time, the clock is only set; later, advancing it runs the jobs that come due in between.
    static async Task SetClockAsync(IServiceProvider services, DateTimeOffset now, CancellationToken ct)
    {
        var clock = services.GetRequiredService<Clock>();
        if (!clock.IsFrozen)
        {
            await clock.MoveAsync(services.GetRequiredService<ControlDatabase>(), now, ct);
        }
        else if (await services.GetRequiredService<MoveSandboxClock>().RunAsync(services.GetRequiredService<JobCatalog>().All, now, ct)
            is MoveClockResult.NotForward { Now: var current })
        {
            throw new CommandFailedException(
                $"The sandbox clock is at {current:yyyy-MM-ddTHH:mm:ssZ} and only moves forward: use a later --clock, or omit it.");
        }
    }

    static async Task StoppedAsync(WebApplication app, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, app.Lifetime.ApplicationStopping);
        await Task.Delay(Timeout.Infinite, either.Token).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    static void PrintSummary(WebApplication app, Installation installation, string key, TimeSpan took)
    {
        var options = app.Services.GetRequiredService<ControlPlaneOptions>();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            CFS LLM Platform control plane, ready after {took.TotalSeconds:0.0} s
              Portal        {options.PublicUrl}
              Operator      {new Uri(options.PublicUrl, "/admin")}
              Operator key  {key}
              Mail          {(string.IsNullOrEmpty(app.Configuration["CONTROLPLANE_SMTP"]) ? installation.Data.Mail : "sent by SMTP")}
              Environments  {installation.Data.Environments}
              Database      {installation.DatabasePlace}
            """));
        if (options.Sandbox)
        {
            Console.WriteLine($"  Sandbox clock {app.Services.GetRequiredService<Clock>().GetUtcNow():yyyy-MM-ddTHH:mm:ssZ}");
        }

        Console.WriteLine("Press Ctrl-C to stop.");
    }
}
