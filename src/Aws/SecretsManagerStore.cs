using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Aws;

/// <param name="EncryptionKey">ARN of the KMS key that new secrets are sealed with. null where secrets are read only.</param>
/// <param name="Copy">Where each secret is copied to. null: nowhere.</param>
/// <param name="Tags">On every new secret, beside the tenant's id.</param>
public sealed record TenantSecretSettings(string? EncryptionKey, TenantSecretCopy? Copy, IReadOnlyDictionary<string, string> Tags);

/// <param name="Region">Whose platform takes over when this region fails.</param>
/// <param name="Key">ARN of the KMS key there.</param>
public sealed record TenantSecretCopy(string Region, string Key);

/// <summary>
/// Secrets in AWS Secrets Manager: one JSON document per tenant, <c>tenant-{tenant_id}-secrets</c>. Several may write at once and none loses
/// what another wrote: docs/decisions/0013-tenants-secrets-in-secrets-manager.md.
/// </summary>
public sealed class SecretsManagerStore(IAmazonSecretsManager manager, TenantSecretSettings settings, TimeProvider clock) : ISecretStore
{
    /// <summary>How long an operator can bring back what was removed.</summary>
    public const int RecoveryDays = 30;

    const int MostAttempts = 8;
    const string Current = "AWSCURRENT";
    const string Pending = "AWSPENDING";

    static readonly IReadOnlyDictionary<string, string> s_none = new Dictionary<string, string>();

    public static string NameOf(Guid tenant) => $"tenant-{tenant}-secrets";

    public async Task<IReadOnlyDictionary<string, string>> ReadAsync(Guid tenant, CancellationToken ct)
    {
        Found? found = null;
        await RetryOnConflictAsync(async () => found = await FindAsync(NameOf(tenant), ct), ct);
        return found?.Document?.Secrets ?? s_none;
    }

    public Task AddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) =>
        RetryOnConflictAsync(
            async () =>
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
                        // Only what was removed is empty; its copy went with it.
                        await CopyAsync(name, ct);
                    }

                    await ReplaceAsync(name, document.Version, missing.Concat(document.Secrets), ct);
                }
            },
            ct);

    /// <summary>
    /// Empties the secret and has it deleted after <see cref="RecoveryDays"/>. Until then the last values are its AWSPREVIOUS version, for an operator;
    /// should the tenant be provisioned again meanwhile, it gets new ones.
    /// </summary>
    public Task RemoveAsync(Guid tenant, CancellationToken ct) =>
        RetryOnConflictAsync(
            async () =>
            {
                var name = NameOf(tenant);
                if ((await FindAsync(name, ct)).Document is not { } document)
                {
                    return;
                }

                if (document.Secrets.Count > 0)
                {
                    await ReplaceAsync(name, document.Version, s_none, ct);
                }

                if (await CopiesAsync(name, ct) is { Count: > 0 } copies)
                {
                    await manager.RemoveRegionsFromReplicationAsync(new RemoveRegionsFromReplicationRequest { SecretId = name, RemoveReplicaRegions = copies }, ct);
                }

                await manager.DeleteSecretAsync(new DeleteSecretRequest { SecretId = name, RecoveryWindowInDays = RecoveryDays }, ct);
            },
            ct);

    // What these exceptions say is, in each of the calls above: it is no longer as it was when we looked.
    async Task RetryOnConflictAsync(Func<Task> tryAsync, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await tryAsync();
                return;
            }
            catch (Exception e) when (
                attempt < MostAttempts && e is ResourceExistsException or ResourceNotFoundException or InvalidRequestException or InvalidParameterException)
            {
                await Backoff.WaitAsync(attempt, clock, ct);
            }
        }
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
                ?? throw new InvalidOperationException($"{AwsSettings.TenantSecretsKeySetting} is not set: give the ARN of the KMS key for tenants' secrets."),
            AddReplicaRegions = Copies,
            SecretString = Text(secrets),
            Tags = [.. settings.Tags.Append(new("TenantId", tenant.ToString())).Select(tag => new Tag { Key = tag.Key, Value = tag.Value })],
        },
        ct);

    // A compare-and-set: the next version comes into force only if it follows on the one that was read.
    async Task ReplaceAsync(string name, string version, IEnumerable<KeyValuePair<string, string>> secrets, CancellationToken ct)
    {
        var next = NewVersion();
        await manager.PutSecretValueAsync(
            new PutSecretValueRequest { SecretId = name, ClientRequestToken = next, SecretString = Text(secrets), VersionStages = [Pending] }, ct);
        await manager.UpdateSecretVersionStageAsync(
            new UpdateSecretVersionStageRequest { SecretId = name, VersionStage = Current, RemoveFromVersionId = version, MoveToVersionId = next }, ct);
    }

    async Task CopyAsync(string name, CancellationToken ct)
    {
        if (Copies is { } copies && (await CopiesAsync(name, ct)).Count == 0)
        {
            await manager.ReplicateSecretToRegionsAsync(new ReplicateSecretToRegionsRequest { SecretId = name, AddReplicaRegions = copies }, ct);
        }
    }

    /// <returns>The regions that the secret is copied to.</returns>
    async Task<List<string>> CopiesAsync(string name, CancellationToken ct) =>
        [.. ((await manager.DescribeSecretAsync(new DescribeSecretRequest { SecretId = name }, ct)).ReplicationStatus ?? []).Select(copy => copy.Region)];

    List<ReplicaRegionType>? Copies => settings.Copy is { } copy ? [new ReplicaRegionType { Region = copy.Region, KmsKeyId = copy.Key }] : null;

    string NewVersion() => Ids.New(clock).ToString();

    static string Text(IEnumerable<KeyValuePair<string, string>> secrets) =>
        JsonSerializer.Serialize(new SortedDictionary<string, string>(secrets.ToDictionary(), StringComparer.Ordinal), SecretJson.Default.SortedDictionaryStringString);

    static SortedDictionary<string, string> Parse(string name, string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, SecretJson.Default.SortedDictionaryStringString) ?? [];
        }
        catch (JsonException)
        {
            // The cause would quote from it.
            throw new StepFailedException($"{name} is not a JSON object of texts: somebody edited it by hand. Put its AWSPREVIOUS version into force again.");
        }
    }

    sealed record Document(string Version, SortedDictionary<string, string> Secrets);

    /// <param name="Document">null when there is nothing, or nothing any more.</param>
    sealed record Found(Document? Document, bool IsScheduledForDeletion);
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
[JsonSerializable(typeof(TenantSecretCopy))]
sealed partial class SecretJson : JsonSerializerContext;
