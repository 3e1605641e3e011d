using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The running application. When a secret in the vault changes, a new instance is started and takes over, and the former one completes its requests.
/// If the new one cannot start, the former one stays.
/// </summary>
public sealed class CurrentApplication : BackgroundService
{
    /// <summary>How often the vault is polled for new versions of secrets.</summary>
    static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(5);

    readonly IConfiguration _environment;
    readonly TokenCredential _identity;
    readonly VaultSettings? _vault;
    readonly TimeProvider _time;
    readonly List<Task> _retiring = [];
    volatile Composition _current;

    CurrentApplication(IConfiguration environment, TokenCredential identity, VaultSettings? vault, TimeProvider time, Composition current) =>
        (_environment, _identity, _vault, _time, _current) = (environment, identity, vault, time, current);

    /// <summary>The maximum duration of an invocation: functionTimeout in host.json.</summary>
    public static TimeSpan FunctionTimeout { get; } = TimeSpan.FromMinutes(10);

    internal Composition Current => _current;

    /// <exception cref="SettingException">A setting is missing or invalid, or the vault cannot be read; the message says what to do.</exception>
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
        try
        {
            if (vault is not null)
            {
                await vault.ReadAsync(ct);
            }
        }
        catch (Exception e) when (IsVaultUnavailable(e))
        {
            throw new SettingException($"The key vault {environment[VaultSettings.Setting]} cannot be read: {e.Message.Split('\n')[0]}");
        }

        var secrets = vault?.Values ?? new Dictionary<string, string?>();
        return new CurrentApplication(environment, identity, vault, time, await Composition.StartAsync(environment, secrets, identity, ct));
    }

    internal Task ServeAsync(HttpContext request, CancellationToken ct) => _current.ServeAsync(request, ct);

    internal Task RunJobAsync(string name, CancellationToken ct) => _current.RunJobAsync(name, ct);

    internal Task ProvisionAsync(Guid tenant, CancellationToken ct) => _current.ProvisionAsync(tenant, ct);

    internal Task DrainAsync(string message, CancellationToken ct) => _current.DrainAsync(message, ct);

    /// <summary>Applies changes in the vault.</summary>
    internal async Task ReloadAsync(CancellationToken ct)
    {
        try
        {
            if (_vault is not null && await _vault.ReadAsync(ct))
            {
                var former = _current;
                _current = await Composition.StartAsync(_environment, _vault.Values, _identity, ct);
                _retiring.RemoveAll(task => task.IsCompleted);
                _retiring.Add(RetireAsync(former, ct));
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested && (e is SettingException || IsVaultUnavailable(e)))
        {
            _current.Services.GetRequiredService<ILogger<CurrentApplication>>().LogWarning("Secrets could not be reloaded; keeping the current ones: {Reason}", e.Message.Split('\n')[0]);
        }
    }

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
        await _current.DisposeAsync();
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
