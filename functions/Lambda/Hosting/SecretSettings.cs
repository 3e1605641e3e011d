using System.Text.Json;
using Amazon.Runtime;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Lambda.Hosting;

/// <summary>
/// The settings that lie in Secrets Manager. Kept for some minutes and then looked at again, so that a rotated secret is taken up without a
/// deployment. When they cannot be read again, what was read before stays good.
/// </summary>
/// <param name="read">From a secret's id to its text.</param>
sealed class SecretSettings(IConfiguration environment, Func<string, CancellationToken, Task<string>> read, ILogger log, TimeProvider time)
{
    /// <summary>Settings by their names. What the operator has entered, in the last one, wins.</summary>
    static readonly string[] Sources = ["CONTROLPLANE_MAIL_SECRET", "CONTROLPLANE_SECRETS"];

    /// <summary><c>token</c>, and <c>previous</c> while it is being changed.</summary>
    const string Origin = "CONTROLPLANE_ORIGIN_SECRET";

    static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(5);
    static readonly TimeSpan TriedAgainAfter = TimeSpan.FromSeconds(30);

    IReadOnlyDictionary<string, string?>? _values;
    DateTimeOffset _goodUntil;

    public static SecretSettings From(IConfiguration environment, LogLines lines, TimeProvider time)
    {
        // Its own, because it outlives every composition; and lazily, because a snapshot may not hold credentials.
        var manager = new Lazy<IAmazonSecretsManager>(() => new ServiceCollection().AddAwsServices(environment).BuildServiceProvider().GetRequiredService<IAmazonSecretsManager>());
        return new SecretSettings(
            environment,
            async (id, ct) => (await manager.Value.GetSecretValueAsync(new GetSecretValueRequest { SecretId = id }, ct)).SecretString,
            lines.CreateLogger("ControlPlane.Lambda.Secrets"), time);
    }

    /// <returns>The same object for as long as nothing has changed.</returns>
    /// <exception cref="SettingException">A secret is not as it has to be.</exception>
    /// <exception cref="AmazonServiceException">They cannot be read, and never were.</exception>
    public async ValueTask<IReadOnlyDictionary<string, string?>> CurrentAsync(CancellationToken ct)
    {
        // The wall clock: no other one goes on while the process is frozen.
        var now = time.GetUtcNow();
        if (_values is { } known && now < _goodUntil)
        {
            return known;
        }

        try
        {
            var fresh = await ReadAsync(ct);
            _goodUntil = now + KeptFor;
            return _values = _values is { } former && Same(former, fresh) ? former : fresh;
        }
        catch (Exception e) when (_values is not null && e is AmazonServiceException or AmazonClientException or SettingException or HttpRequestException or OperationCanceledException)
        {
            log.LogWarning("The secrets cannot be read again, the values from before are kept: {Why}", e.Message);
            _goodUntil = now + TriedAgainAfter;
            return _values!;
        }
    }

    async Task<IReadOnlyDictionary<string, string?>> ReadAsync(CancellationToken ct)
    {
        // All at once: somebody may wait for it.
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
            // Not the reader's words, which may quote the secret.
            throw new SettingException($"The secret of {setting} is no JSON object of names and texts: {id}.");
        }
    }

    static bool Same(IReadOnlyDictionary<string, string?> one, IReadOnlyDictionary<string, string?> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
