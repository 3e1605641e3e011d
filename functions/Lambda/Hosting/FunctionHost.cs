using System.Text;
using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Hosting;

/// <summary>
/// Runs a function for as long as Lambda keeps the process: composes it, and composes it anew when a secret has changed, always between two
/// invocations. So nothing in the application has to know that secrets rotate, and a snapshot can be taken before there are any.
/// </summary>
sealed class FunctionHost(Compose compose, IConfiguration environment, SecretSettings secrets, LogLines lines, TimeProvider time) : IAsyncDisposable
{
    /// <summary>After a pause of this length connections may be gone, because nobody answered for them while the process was frozen.</summary>
    static readonly TimeSpan LongPause = TimeSpan.FromMinutes(2);

    readonly ILogger _log = lines.CreateLogger("ControlPlane.Lambda");
    Function? _function;
    IReadOnlyDictionary<string, string?>? _composedWith;
    DateTimeOffset _lastEnded = DateTimeOffset.MaxValue;

    public static FunctionHost FromEnvironment()
    {
        var environment = new ConfigurationBuilder().AddEnvironmentVariables().Build();
        var lines = new LogLines(Console.OpenStandardOutput(), TimeProvider.System);
        return new FunctionHost(
            Functions.Find(environment[Functions.Setting]), environment, SecretSettings.From(environment, lines, TimeProvider.System), lines, TimeProvider.System);
    }

    /// <summary>Makes the function ready, before somebody waits for it.</summary>
    public async Task PrepareAsync(CancellationToken ct) => await CurrentAsync(ct);

    /// <summary>
    /// Goes through the function once, before a snapshot of the process is taken: with settings that are no secrets, with no connection, and with
    /// nothing kept. What stays is code that is loaded and compiled.
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
        // Outermost: whatever is logged from here on says which invocation it belongs to.
        using var scope = _log.BeginScope(new Dictionary<string, object?> { ["requestId"] = context.AwsRequestId });
        using var preparing = new Invocation(context, TimeSpan.FromSeconds(1), time);
        var function = await CurrentAsync(preparing.Deadline);
        using var invocation = new Invocation(context, function.Margin, time);
        await CatchUpAsync(function.Services, invocation.Deadline);
        try
        {
            return await function.HandleAsync(input, invocation);
        }
        finally
        {
            // The process is frozen as soon as it has answered: what waits to be sent has to go before.
            function.Services.SendTelemetry();
            _lastEnded = time.GetUtcNow();
        }
    }

    // What went on while the process was frozen.
    async Task CatchUpAsync(IServiceProvider services, CancellationToken ct)
    {
        var database = services.GetRequiredService<ControlDatabase>();
        if (time.GetUtcNow() - _lastEnded > LongPause)
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

    async Task<Function> CurrentAsync(CancellationToken ct)
    {
        var values = await secrets.CurrentAsync(ct);
        if (_function is null)
        {
            _function = await compose(new FunctionEnvironment(Settings(values), lines));
        }
        else if (!ReferenceEquals(values, _composedWith))
        {
            await ComposeAnewAsync(_function, values);
        }

        _composedWith = values;
        return _function;
    }

    async Task ComposeAnewAsync(Function former, IReadOnlyDictionary<string, string?> values)
    {
        try
        {
            _function = await compose(new FunctionEnvironment(Settings(values), lines));
        }
        catch (SettingException e)
        {
            _log.LogError("A secret was changed to something that cannot be used, so the former values stay: {Why}", e.Message);
            return;
        }

        _log.LogInformation("A secret has changed: the function was composed anew");
        await former.DisposeAsync();
    }

    IConfigurationRoot Settings(IEnumerable<KeyValuePair<string, string?>> secret) => new ConfigurationBuilder()
        .AddInMemoryCollection([new("CONTROLPLANE_DATA", Composition.TemporaryFolder)])
        .AddConfiguration(environment)
        .AddInMemoryCollection(secret)
        .Build();
}
