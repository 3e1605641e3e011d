using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The running application. When a secret in the vault changes, a new instance is started and takes over, and the former one completes its requests.
/// If the new one cannot start, the former one stays. While the vault is unavailable at the first start, requests get 503, and the next request after
/// a pause tries again.
/// </summary>
public sealed class CurrentApplication : BackgroundService
{
    /// <summary>How often the vault is polled for new versions of secrets.</summary>
    static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(5);

    static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    readonly IConfiguration _environment;
    readonly TokenCredential _identity;
    readonly VaultSettings? _vault;
    readonly TimeProvider _time;
    readonly StartBackoff _backoff;
    readonly SemaphoreSlim _composing = new(1);
    readonly List<Task> _retiring = [];
    volatile Composition? _current;

    CurrentApplication(IConfiguration environment, TokenCredential identity, VaultSettings? vault, TimeProvider time) =>
        (_environment, _identity, _vault, _time, _backoff) = (environment, identity, vault, time, new StartBackoff(time));

    /// <summary>The maximum duration of an invocation: functionTimeout in host.json.</summary>
    public static TimeSpan FunctionTimeout { get; } = TimeSpan.FromMinutes(10);

    internal Composition Current => _current ?? throw new InvalidOperationException("The application has not started: its settings cannot be read from the key vault.");

    /// <exception cref="SettingException">A setting is missing or invalid, and there is no vault that could supply it; the message says what to do.</exception>
    public static async Task<CurrentApplication> StartAsync(IConfiguration environment, TokenCredential identity, CancellationToken ct)
    {
        var vault = environment[VaultSettings.Setting] is not { Length: > 0 } address ? null
            : Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Scheme == "https" ? new VaultSettings(new SecretClient(url, identity))
            : throw new SettingException($"{VaultSettings.Setting} is \"{address}\": set it to the vault's address, such as https://example.vault.azure.net.");
        return await StartAsync(environment, identity, vault, TimeProvider.System, ct);
    }

    internal static async Task<CurrentApplication> StartAsync(
        IConfiguration environment, TokenCredential identity, VaultSettings? vault, TimeProvider time, CancellationToken ct)
    {
        var application = new CurrentApplication(environment, identity, vault, time);
        if (vault is null)
        {
            application._current = await application.ComposeAsync(ct);
        }
        else
        {
            await application.StartedAsync(ct);
        }

        return application;
    }

    internal async Task ServeAsync(HttpContext request, CancellationToken ct)
    {
        if (await StartedAsync(ct) is { } current)
        {
            await current.ServeAsync(request, ct);
            return;
        }

        request.Response.Headers.RetryAfter = _backoff.RetryAfterSeconds;
        await TypedResults.Problem(
            "The service is starting. Send the request again in a few seconds.", statusCode: StatusCodes.Status503ServiceUnavailable, title: "Starting").ExecuteAsync(request);
    }

    internal async Task RunJobAsync(string name, CancellationToken ct) => await (await RequireStartedAsync(ct)).RunJobAsync(name, ct);

    internal async Task ProvisionAsync(Guid tenant, CancellationToken ct) => await (await RequireStartedAsync(ct)).ProvisionAsync(tenant, ct);

    internal async Task DrainAsync(string message, CancellationToken ct) => await (await RequireStartedAsync(ct)).DrainAsync(message, ct);

    // The platform delivers the message, or runs the timer, again.
    async Task<Composition> RequireStartedAsync(CancellationToken ct) => await StartedAsync(ct) ?? Current;

    /// <returns>null when the application could not be started, and it is too early to try again.</returns>
    async ValueTask<Composition?> StartedAsync(CancellationToken ct)
    {
        if (_current is { } running)
        {
            return running;
        }

        await _composing.WaitAsync(ct);
        try
        {
            if (_current is null && _backoff.MayTry)
            {
                // Not cancelled with this request, because others wait for it.
                using var timeout = new CancellationTokenSource(StartTimeout);
                await _vault!.ReadAsync(timeout.Token);
                _current = await ComposeAsync(timeout.Token);
            }
        }
        catch (Exception e) when (e is SettingException || IsVaultUnavailable(e))
        {
            _backoff.Failed();
            // The Functions host logs it; the application's own log does not exist yet.
            await Console.Error.WriteLineAsync($"error: the application cannot start with the key vault {_environment[VaultSettings.Setting]}: {e.Message.Split('\n')[0]}");
        }
        finally
        {
            _composing.Release();
        }

        return _current;
    }

    /// <summary>Applies changes in the vault.</summary>
    internal async Task ReloadAsync(CancellationToken ct)
    {
        if (_vault is null || _current is not { } former)
        {
            return;
        }

        await _composing.WaitAsync(ct);
        try
        {
            if (await _vault.ReadAsync(ct))
            {
                _current = await ComposeAsync(ct);
                _retiring.RemoveAll(task => task.IsCompleted);
                _retiring.Add(RetireAsync(former, ct));
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested && (e is SettingException || IsVaultUnavailable(e)))
        {
            former.Services.GetRequiredService<ILogger<CurrentApplication>>().LogWarning("Secrets could not be reloaded; keeping the current ones: {Reason}", e.Message.Split('\n')[0]);
        }
        finally
        {
            _composing.Release();
        }
    }

    Task<Composition> ComposeAsync(CancellationToken ct) =>
        Composition.StartAsync(_environment, _vault?.Values ?? new Dictionary<string, string?>(), _identity, ct);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollInterval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await ReloadAsync(stoppingToken);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Task.WhenAll(_retiring);
        if (_current is { } current)
        {
            await current.DisposeAsync();
        }
    }

    public override void Dispose()
    {
        _composing.Dispose();
        base.Dispose();
    }

    async Task RetireAsync(Composition former, CancellationToken ct)
    {
        await Task.Delay(FunctionTimeout, _time, ct).ContinueWith(_ => { }, TaskScheduler.Default);
        await former.DisposeAsync();
    }

    // The last two are timeouts, of the last attempt or of all.
    static bool IsVaultUnavailable(Exception e) =>
        e is RequestFailedException or AuthenticationFailedException or AggregateException or OperationCanceledException;
}
