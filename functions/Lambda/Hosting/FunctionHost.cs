using System.Text;
using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Hosting;

/// <summary>
/// Runs a function for as long as Lambda keeps the process. Rebuilds it between two invocations when a secret has changed, so that the application
/// needs no support for rotation, and a snapshot can be taken before any secret is read.
/// </summary>
sealed class FunctionHost(Compose compose, IConfiguration environment, SecretSettings secrets, LogLines lines, TimeProvider time) : IAsyncDisposable
{
    /// <summary>After a freeze of this length pooled connections may be dead.</summary>
    static readonly TimeSpan LongFreeze = TimeSpan.FromMinutes(2);

    readonly ILogger _log = lines.CreateLogger("ControlPlane.Lambda");
    readonly TelemetryFlush _telemetry = new(time);
    Function? _function;
    IReadOnlyDictionary<string, string?>? _currentValues;
    DateTimeOffset _lastInvocationEnded = DateTimeOffset.MaxValue;

    public static FunctionHost FromEnvironment()
    {
        var environment = new ConfigurationBuilder().AddEnvironmentVariables().Build();
        var lines = new LogLines(Console.OpenStandardOutput(), TimeProvider.System);
        return new FunctionHost(
            Functions.Find(environment[Functions.Setting]), environment, SecretSettings.From(environment, lines, TimeProvider.System), lines, TimeProvider.System);
    }

    /// <summary>Builds the function before the first invocation.</summary>
    public async Task PrepareAsync(CancellationToken ct) => await GetFunctionAsync(ct);

    /// <summary>
    /// Builds the function with placeholder settings, sends it <see cref="Function.WarmupEvents"/> and discards it. What remains is loaded and compiled
    /// code, and no secret or connection, so a snapshot of the process can be taken.
    /// </summary>
    public async Task WarmUpAsync(CancellationToken ct)
    {
        var silent = new LogLines(Stream.Null, time);
        await using var function = await compose(new FunctionEnvironment(Settings(WarmupRequests.Settings), silent));
        foreach (var input in function.WarmupEvents)
        {
            using var invocation = new Invocation(new WarmupRequests.Context(), TimeSpan.Zero, time);
            await function.HandleAsync(new MemoryStream(Encoding.UTF8.GetBytes(input)), invocation);
        }
    }

    public async Task<Stream> HandleAsync(Stream input, ILambdaContext context)
    {
        // Outermost, so that every log line has the request id.
        using var scope = _log.BeginScope(new Dictionary<string, object?> { ["requestId"] = context.AwsRequestId });
        using var preparing = new Invocation(context, TimeSpan.FromSeconds(1), time);
        var function = await GetFunctionAsync(preparing.Deadline);
        using var invocation = new Invocation(context, function.Margin, time);
        await ResumeAsync(function.Services, invocation.Deadline);
        try
        {
            return await function.HandleAsync(input, invocation);
        }
        finally
        {
            // Lambda freezes the process after the response, so telemetry has to be flushed before it.
            await _telemetry.RunAsync(function.Services);
            _lastInvocationEnded = time.GetUtcNow();
        }
    }

    // After a freeze: connections may be dead, and the sandbox clock may have moved.
    async Task ResumeAsync(IServiceProvider services, CancellationToken ct)
    {
        var database = services.GetRequiredService<ControlDatabase>();
        if (time.GetUtcNow() - _lastInvocationEnded > LongFreeze)
        {
            database.ClearPools();
        }

        if (services.GetService<Clock>() is { } clock)
        {
            await clock.ReadAsync(database, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_function is not null)
        {
            await _function.DisposeAsync();
        }
    }

    async Task<Function> GetFunctionAsync(CancellationToken ct)
    {
        var values = await secrets.CurrentAsync(ct);
        if (_function is null)
        {
            _function = await compose(new FunctionEnvironment(Settings(values), lines));
        }
        else if (!ReferenceEquals(values, _currentValues))
        {
            await RebuildAsync(_function, values);
        }

        _currentValues = values;
        return _function;
    }

    async Task RebuildAsync(Function former, IReadOnlyDictionary<string, string?> values)
    {
        try
        {
            _function = await compose(new FunctionEnvironment(Settings(values), lines));
        }
        catch (SettingException e)
        {
            _log.LogError("A changed secret is invalid; keeping the former values: {Reason}", e.Message);
            return;
        }

        _log.LogInformation("A secret has changed; the function was rebuilt");
        await former.DisposeAsync();
    }

    IConfigurationRoot Settings(IEnumerable<KeyValuePair<string, string?>> secret) => new ConfigurationBuilder()
        .AddInMemoryCollection([new("CONTROLPLANE_DATA", Composition.TemporaryFolder)])
        .AddConfiguration(environment)
        .AddInMemoryCollection(secret)
        .Build();
}
