using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Aws;

/// <param name="EncryptionKey">ARN of the KMS key for new secrets; null in functions that only read secrets.</param>
/// <param name="Copy">Replica of each secret; null: none.</param>
/// <param name="Tags">Set on every new secret, besides the tenant's id.</param>
public sealed record TenantSecretSettings(string? EncryptionKey, TenantSecretCopy? Copy, IReadOnlyDictionary<string, string> Tags);

/// <param name="Region">The region to fail over to.</param>
/// <param name="Key">ARN of the KMS key in that region.</param>
public sealed record TenantSecretCopy(string Region, string Key);

/// <summary>
/// Secrets in AWS Secrets Manager: one JSON document per tenant, <c>tenant-{tenant_id}-secrets</c>. Concurrent writers do not lose each other's
/// updates: docs/decisions/0013-tenants-secrets-in-secrets-manager.md.
/// </summary>
public sealed class SecretsManagerStore(IAmazonSecretsManager manager, TenantSecretSettings settings, TimeProvider clock) : ISecretStore
{
    /// <summary>How long an operator can restore a deleted secret.</summary>
    public const int RecoveryDays = 30;

    const int MaxAttempts = 8;
    const string Current = "AWSCURRENT";
    const string Pending = "AWSPENDING";

    static readonly IReadOnlyDictionary<string, string> None = new Dictionary<string, string>();

    // In every call of this class these exceptions mean that the secret has changed since it was read.
    readonly ResiliencePipeline _retryOnConflict = Retry.Create(
        MaxAttempts, attempt => attempt.Exception is ResourceExistsException or ResourceNotFoundException or InvalidRequestException or InvalidParameterException, clock);

    public static string NameOf(Guid tenant) => $"tenant-{tenant}-secrets";

    public async Task<IReadOnlyDictionary<string, string>> ReadAsync(Guid tenant, CancellationToken ct)
    {
        var found = await _retryOnConflict.ExecuteAsync(async token => await FindAsync(NameOf(tenant), token), ct);
        return found.Document?.Secrets ?? None;
    }

    public Task AddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) =>
        _retryOnConflict.ExecuteAsync(async token => await TryAddAsync(tenant, secrets, token), ct).AsTask();

    /// <summary>
    /// Empties the secret and schedules its deletion after <see cref="RecoveryDays"/>. Until then an operator can read the last values from its
    /// AWSPREVIOUS version. If the tenant is provisioned again meanwhile, it gets new secrets.
    /// </summary>
    public Task RemoveAsync(Guid tenant, CancellationToken ct) => _retryOnConflict.ExecuteAsync(async token => await TryRemoveAsync(tenant, token), ct).AsTask();

    async Task TryAddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        var name = NameOf(tenant);
        var found = await FindAsync(name, ct);
        if (found.IsScheduledForDeletion)
        {
            await manager.RestoreSecretAsync(new RestoreSecretRequest { SecretId = name }, ct);
            found = await FindAsync(name, ct);
        }

        if (found.Document is not { } document)
        {
            await CreateAsync(tenant, secrets, ct);
        }
        else if (secrets.Where(secret => !document.Secrets.ContainsKey(secret.Key)).ToList() is { Count: > 0 } missing)
        {
            if (document.Secrets.Count == 0)
            {
                // Only a removed secret is empty, and its replica was deleted with it.
                await ReplicateAsync(name, ct);
            }

            await ReplaceAsync(name, document.Version, missing.Concat(document.Secrets), ct);
        }
    }

    async Task TryRemoveAsync(Guid tenant, CancellationToken ct)
    {
        var name = NameOf(tenant);
        if ((await FindAsync(name, ct)).Document is not { } document)
        {
            return;
        }

        if (document.Secrets.Count > 0)
        {
            await ReplaceAsync(name, document.Version, None, ct);
        }

        if (await ReplicaRegionsAsync(name, ct) is { Count: > 0 } regions)
        {
            await manager.RemoveRegionsFromReplicationAsync(new RemoveRegionsFromReplicationRequest { SecretId = name, RemoveReplicaRegions = regions }, ct);
        }

        await manager.DeleteSecretAsync(new DeleteSecretRequest { SecretId = name, RecoveryWindowInDays = RecoveryDays }, ct);
    }

    async Task<Found> FindAsync(string name, CancellationToken ct)
    {
        try
        {
            var value = await manager.GetSecretValueAsync(new GetSecretValueRequest { SecretId = name, VersionStage = Current }, ct);
            return new Found(new Document(value.VersionId, Parse(name, value.SecretString)), IsScheduledForDeletion: false);
        }
        catch (ResourceNotFoundException)
        {
            return new Found(null, IsScheduledForDeletion: false);
        }
        catch (InvalidRequestException)
        {
            var secret = await manager.DescribeSecretAsync(new DescribeSecretRequest { SecretId = name }, ct);
            if (secret.DeletedDate is null)
            {
                throw;
            }

            return new Found(null, IsScheduledForDeletion: true);
        }
    }

    async Task CreateAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) => await manager.CreateSecretAsync(
        new CreateSecretRequest
        {
            Name = NameOf(tenant),
            Description = "Secrets of a tenant's environment",
            ClientRequestToken = NewVersion(),
            KmsKeyId = settings.EncryptionKey
                ?? throw new InvalidOperationException($"{AwsSettings.TenantSecretsKeySetting} is not set: set it to the ARN of the KMS key for tenants' secrets."),
            AddReplicaRegions = Replicas,
            SecretString = Serialize(secrets),
            Tags = [.. settings.Tags.Append(new("TenantId", tenant.ToString())).Select(tag => new Tag { Key = tag.Key, Value = tag.Value })],
        },
        ct);

    // Compare-and-set: the new version becomes current only if the version that was read still is.
    async Task ReplaceAsync(string name, string version, IEnumerable<KeyValuePair<string, string>> secrets, CancellationToken ct)
    {
        var next = NewVersion();
        await manager.PutSecretValueAsync(
            new PutSecretValueRequest { SecretId = name, ClientRequestToken = next, SecretString = Serialize(secrets), VersionStages = [Pending] }, ct);
        await manager.UpdateSecretVersionStageAsync(
            new UpdateSecretVersionStageRequest { SecretId = name, VersionStage = Current, RemoveFromVersionId = version, MoveToVersionId = next }, ct);
    }

    async Task ReplicateAsync(string name, CancellationToken ct)
    {
        if (Replicas is { } replicas && (await ReplicaRegionsAsync(name, ct)).Count == 0)
        {
            await manager.ReplicateSecretToRegionsAsync(new ReplicateSecretToRegionsRequest { SecretId = name, AddReplicaRegions = replicas }, ct);
        }
    }

    async Task<List<string>> ReplicaRegionsAsync(string name, CancellationToken ct) =>
        [.. ((await manager.DescribeSecretAsync(new DescribeSecretRequest { SecretId = name }, ct)).ReplicationStatus ?? []).Select(replica => replica.Region)];

    List<ReplicaRegionType>? Replicas => settings.Copy is { } copy ? [new ReplicaRegionType { Region = copy.Region, KmsKeyId = copy.Key }] : null;

    string NewVersion() => Ids.New(clock).ToString();

    static string Serialize(IEnumerable<KeyValuePair<string, string>> secrets) =>
        JsonSerializer.Serialize(new SortedDictionary<string, string>(secrets.ToDictionary(), StringComparer.Ordinal), SecretJson.Default.SortedDictionaryStringString);

    static SortedDictionary<string, string> Parse(string name, string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, SecretJson.Default.SortedDictionaryStringString) ?? [];
        }
        catch (JsonException)
        {
            // No inner exception: it would quote the secret.
            throw new StepFailedException($"{name} is not a JSON object of strings, probably after a manual edit. Promote its AWSPREVIOUS version to AWSCURRENT.");
        }
    }

    sealed record Document(string Version, SortedDictionary<string, string> Secrets);

    /// <param name="Document">null if the secret does not exist or is scheduled for deletion.</param>
    sealed record Found(Document? Document, bool IsScheduledForDeletion);
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
[JsonSerializable(typeof(TenantSecretCopy))]
sealed partial class SecretJson : JsonSerializerContext;
