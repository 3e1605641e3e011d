using System.Security.Cryptography;
using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Provisioning;

/// <summary>The names of an environment's secrets in the secret store and, in capitals, in its <c>.env</c> file.</summary>
public static class SecretNames
{
    /// <summary>Of Open WebUI's login.</summary>
    public const string DatabasePassword = "database_password";
    public const string GatewayDatabasePassword = "gateway_database_password";
    public const string WebuiSecretKey = "webui_secret_key";
    public const string LitellmMasterKey = "litellm_master_key";
    public const string LitellmSaltKey = "litellm_salt_key";
    /// <summary>Authenticates Open WebUI at the gateway. The master key never leaves the gateway.</summary>
    public const string LitellmVirtualKey = "litellm_virtual_key";
    public const string RedisPassword = "redis_password";
    public const string QdrantApiKey = "qdrant_api_key";
    public const string AdminPassword = "admin_password";
    /// <summary>The tenant key that the gateway reports usage with.</summary>
    public const string GatewayKey = "gateway_key";

    /// <exception cref="StepFailedException">There is no such secret.</exception>
    public static string Require(this IReadOnlyDictionary<string, string> secrets, string name) =>
        secrets.TryGetValue(name, out var value)
            ? value
            : throw new StepFailedException($"The secret store has no {name} for this tenant: provision the environment first.");
}

/// <summary>The step <c>secrets</c>: creates the missing secrets. An existing secret is never replaced: running containers use it.</summary>
public sealed class TenantSecrets(ISecretStore store, Clock clock)
{
    public async Task<string> CreateAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var missing = Generate();
        foreach (var name in (await store.ReadAsync(environment.Tenant, ct)).Keys)
        {
            missing.Remove(name);
        }

        if (missing.Count > 0)
        {
            await store.AddAsync(environment.Tenant, missing, ct);
        }

        var secrets = await store.ReadAsync(environment.Tenant, ct);
        await lease.WriteAsync(
            transaction => transaction.AddGatewayKeyAsync(clock, environment.Tenant, secrets.Require(SecretNames.GatewayKey), ct), ct);
        return missing.Count > 0 ? $"{missing.Count} created" : "already present";
    }

    public async Task<string> RemoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        await lease.WriteAsync(transaction => transaction.RevokeGatewayKeyAsync(clock, environment.Tenant, ct), ct);
        await store.RemoveAsync(environment.Tenant, ct);
        return "removed, and the gateway's key revoked";
    }

    // Letters, digits, - and _ only: they need no quoting in a URL, an .env file or a YAML file.
    static Dictionary<string, string> Generate() => new()
    {
        [SecretNames.DatabasePassword] = Credentials.New(),
        [SecretNames.GatewayDatabasePassword] = Credentials.New(),
        [SecretNames.WebuiSecretKey] = Credentials.New(),
        [SecretNames.LitellmMasterKey] = Credentials.New("sk-"),
        [SecretNames.LitellmSaltKey] = Credentials.New("sk-"),
        [SecretNames.LitellmVirtualKey] = Credentials.New("sk-"),
        [SecretNames.RedisPassword] = Credentials.New(),
        [SecretNames.QdrantApiKey] = Credentials.New(),
        [SecretNames.AdminPassword] = RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", 20),
        [SecretNames.GatewayKey] = Credentials.New(Credentials.TenantKeyPrefix),
    };
}
