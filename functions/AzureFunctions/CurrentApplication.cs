using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.AzureFunctions;

/// <summary>
/// The application as it is composed now. When a secret in the vault changes it is composed again, and the former one finishes what it has
/// begun. A change that the application cannot start with leaves the former one in place.
/// </summary>
public sealed class CurrentApplication : BackgroundService
{
    /// <summary>How long a new version of a secret may go unnoticed.</summary>
    static readonly TimeSpan ReadsEvery = TimeSpan.FromMinutes(5);

    readonly IConfiguration _environment;
    readonly TokenCredential _identity;
    readonly VaultSettings? _vault;
    readonly TimeProvider _time;
    readonly List<Task> _retiring = [];
    volatile Composition _now;

    CurrentApplication(IConfiguration environment, TokenCredential identity, VaultSettings? vault, TimeProvider time, Composition now) =>
        (_environment, _identity, _vault, _time, _now) = (environment, identity, vault, time, now);

    /// <summary>How long an invocation may last: functionTimeout of host.json.</summary>
    public static TimeSpan LongestInvocation { get; } = TimeSpan.FromMinutes(10);

    internal Composition Now => _now;

    /// <exception cref="SettingException">A setting is missing or wrong, or the vault cannot be read; the message says what to do.</exception>
    public static async Task<CurrentApplication> StartAsync(IConfiguration environment, TokenCredential identity, CancellationToken ct)
    {
        var vault = environment[VaultSettings.Setting] is not { Length: > 0 } address ? null
            : Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Scheme == "https" ? new VaultSettings(new SecretClient(url, identity))
            : throw new SettingException($"{VaultSettings.Setting} is \"{address}\": give the vault's address, such as https://example.vault.azure.net.");
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
        catch (Exception e) when (IsVaultAway(e))
        {
            throw new SettingException($"The key vault {environment[VaultSettings.Setting]} cannot be read: {e.Message.Split('\n')[0]}");
        }

        var secrets = vault?.Values ?? new Dictionary<string, string?>();
        return new CurrentApplication(environment, identity, vault, time, await Composition.StartAsync(environment, secrets, identity, ct));
    }

    internal Task ServeAsync(HttpContext request, CancellationToken ct) => _now.ServeAsync(request, ct);

    internal Task RunJobAsync(string name, CancellationToken ct) => _now.RunJobAsync(name, ct);

    internal Task ProvisionAsync(Guid tenant, CancellationToken ct) => _now.ProvisionAsync(tenant, ct);

    internal Task DrainAsync(string message, CancellationToken ct) => _now.DrainAsync(message, ct);

    /// <summary>Takes over what has changed in the vault.</summary>
    internal async Task RenewAsync(CancellationToken ct)
    {
        try
        {
            if (_vault is not null && await _vault.ReadAsync(ct))
            {
                var former = _now;
                _now = await Composition.StartAsync(_environment, _vault.Values, _identity, ct);
                _retiring.RemoveAll(task => task.IsCompleted);
                _retiring.Add(RetireAsync(former, ct));
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested && (e is SettingException || IsVaultAway(e)))
        {
            _now.Services.GetRequiredService<ILogger<CurrentApplication>>().LogWarning("The secrets stay as they were: {Why}", e.Message.Split('\n')[0]);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(ReadsEvery, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await RenewAsync(stoppingToken);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Task.WhenAll(_retiring);
        await _now.DisposeAsync();
    }

    async Task RetireAsync(Composition former, CancellationToken ct)
    {
        await Task.Delay(LongestInvocation, _time, ct).ContinueWith(_ => { }, TaskScheduler.Default);
        await former.DisposeAsync();
    }

    // The last two: it did not answer in time, at the last try or at any.
    static bool IsVaultAway(Exception e) =>
        e is RequestFailedException or AuthenticationFailedException or AggregateException or OperationCanceledException;
}
