using System.Text.Json;
using Amazon.Runtime;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Lambda.Hosting;

/// <summary>
/// Settings in Secrets Manager, cached for some minutes so that a rotated secret is applied without a deployment. If they cannot be refreshed, the
/// cached values stay in use.
/// </summary>
/// <param name="read">Returns the text of the secret with the given id.</param>
sealed class SecretSettings(IConfiguration environment, Func<string, CancellationToken, Task<string>> read, ILogger log, TimeProvider time)
{
    /// <summary>Secrets with settings by name. Later ones win: the last has what the operator has entered.</summary>
    static readonly string[] Sources = ["CONTROLPLANE_MAIL_SECRET", "CONTROLPLANE_SECRETS"];

    /// <summary>The secret with <c>token</c>, and <c>previous</c> during a rotation.</summary>
    const string Origin = "CONTROLPLANE_ORIGIN_SECRET";

    static readonly TimeSpan CacheDuration = TimeSpan.FromMinutes(5);
    static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(30);

    IReadOnlyDictionary<string, string?>? _values;
    DateTimeOffset _validUntil;

    public static SecretSettings From(IConfiguration environment, LogLines lines, TimeProvider time)
    {
        // Its own client, because it outlives every rebuild; lazy, because a snapshot must not contain credentials.
        var manager = new Lazy<IAmazonSecretsManager>(() => new ServiceCollection().AddAwsServices(environment).BuildServiceProvider().GetRequiredService<IAmazonSecretsManager>());
        return new SecretSettings(
            environment,
            async (id, ct) => (await manager.Value.GetSecretValueAsync(new GetSecretValueRequest { SecretId = id }, ct)).SecretString,
            lines.CreateLogger("ControlPlane.Lambda.Secrets"), time);
    }

    /// <returns>The same object as long as nothing has changed.</returns>
    /// <exception cref="SettingException">A secret is malformed.</exception>
    /// <exception cref="AmazonServiceException">The secrets cannot be read, and there are no cached values.</exception>
    public async ValueTask<IReadOnlyDictionary<string, string?>> CurrentAsync(CancellationToken ct)
    {
        // Wall-clock time, because timers stop while the process is frozen.
        var now = time.GetUtcNow();
        if (_values is { } known && now < _validUntil)
        {
            return known;
        }

        try
        {
            var fresh = await ReadAsync(ct);
            _validUntil = now + CacheDuration;
            return _values = _values is { } former && AreEqual(former, fresh) ? former : fresh;
        }
        catch (Exception e) when (_values is not null && e is AmazonServiceException or AmazonClientException or SettingException or HttpRequestException or OperationCanceledException)
        {
            log.LogWarning("Secrets could not be refreshed; keeping the cached values: {Reason}", e.Message);
            _validUntil = now + RetryDelay;
            return _values!;
        }
    }

    async Task<IReadOnlyDictionary<string, string?>> ReadAsync(CancellationToken ct)
    {
        // In parallel: a request may be waiting.
        var origin = ValuesAsync(Origin, ct);
        var values = new Dictionary<string, string?>();
        foreach (var source in await Task.WhenAll(Sources.Select(source => ValuesAsync(source, ct))))
        {
            foreach (var (name, value) in source)
            {
                values[name] = value;
            }
        }

        if ((await origin).TryGetValue("token", out var token))
        {
            (values[OriginTokens.Setting], values[OriginTokens.PreviousSetting]) = (token, (await origin).GetValueOrDefault("previous"));
        }

        return values;
    }

    async Task<Dictionary<string, string?>> ValuesAsync(string setting, CancellationToken ct)
    {
        if (environment[setting] is not { Length: > 0 } id)
        {
            return [];
        }

        try
        {
            return JsonSerializer.Deserialize(await read(id, ct), EventsJson.Default.DictionaryStringString)!;
        }
        catch (JsonException)
        {
            // No inner exception: it may quote the secret.
            throw new SettingException($"The secret {id} of {setting} is not a JSON object of strings.");
        }
    }

    static bool AreEqual(IReadOnlyDictionary<string, string?> one, IReadOnlyDictionary<string, string?> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
