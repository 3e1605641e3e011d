using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Tests.Aws;

/// <summary>
/// Secrets Manager in memory, for the calls that we use and as its API reference describes them: versions with staging labels, idempotency tokens,
/// compare-and-set of labels, deletion with a recovery window, and rotations that begin with a version without a value.
/// </summary>
sealed class FakeSecretsManager
{
    readonly Dictionary<string, Secret> _secrets = [];

    /// <summary>Runs after every call.</summary>
    public Action AfterCall { get; set; } = () => { };

    public IAmazonSecretsManager Client() => Substitute.For<IAmazonSecretsManager>((_, request) => Task.FromResult(Respond(request)));

    public string? Text(Guid tenant, string label) => Text(SecretsManagerStore.NameOf(tenant), label);

    public string? Text(string name, string label) =>
        _secrets.TryGetValue(name, out var secret) && secret.WithLabel(label) is { } version ? secret.Versions[version] : null;

    public void Put(Guid tenant, string text, bool scheduledForDeletion = false) => Put(SecretsManagerStore.NameOf(tenant), text, scheduledForDeletion);

    public void Put(string name, string text, bool scheduledForDeletion = false) =>
        _secrets[name] = new Secret { Versions = { ["first"] = text }, Labels = { ["AWSCURRENT"] = "first" }, IsDeleted = scheduledForDeletion };

    /// <summary>What Secrets Manager does itself before the first step of a rotation.</summary>
    public void BeginRotation(string name, string version)
    {
        var secret = Find(name);
        secret.IsRotated = true;
        secret.Versions.Add(version, null);
        secret.Labels["AWSPENDING"] = version;
    }

    public IReadOnlyCollection<string> CopiesOf(Guid tenant) => _secrets[SecretsManagerStore.NameOf(tenant)].Copies;

    public object Respond(object request)
    {
        try
        {
            return request switch
            {
                CreateSecretRequest create => Create(create),
                GetSecretValueRequest get => Get(get),
                PutSecretValueRequest put => Put(put),
                UpdateSecretVersionStageRequest move => Move(move),
                DescribeSecretRequest describe => Describe(Find(describe.SecretId)),
                ReplicateSecretToRegionsRequest copy => Copy(copy),
                RemoveRegionsFromReplicationRequest remove => RemoveCopies(remove),
                DeleteSecretRequest delete => Delete(delete),
                RestoreSecretRequest restore => Restore(restore),
                _ => throw new NotSupportedException(request.GetType().Name),
            };
        }
        finally
        {
            AfterCall();
        }
    }

    CreateSecretResponse Create(CreateSecretRequest request)
    {
        if (_secrets.TryGetValue(request.Name, out var existing))
        {
            throw existing.IsDeleted
                ? new InvalidRequestException("You can't create this secret because a secret with this name is already scheduled for deletion.")
                : new ResourceExistsException("The operation failed because the secret already exists.");
        }

        Assert.Contains(request.Tags, tag => tag is { Key: "Stack", Value: "prod" });
        Assert.StartsWith("arn:aws:kms:", request.KmsKeyId, StringComparison.Ordinal);
        var secret = new Secret { Versions = { [request.ClientRequestToken] = request.SecretString }, Labels = { ["AWSCURRENT"] = request.ClientRequestToken } };
        secret.Copies.AddRange((request.AddReplicaRegions ?? []).Select(copy => copy.Region));
        _secrets[request.Name] = secret;
        return new CreateSecretResponse { VersionId = request.ClientRequestToken };
    }

    GetSecretValueResponse Get(GetSecretValueRequest request)
    {
        var secret = NotDeleted(request.SecretId);
        var version = secret.WithLabel(request.VersionStage);
        return version is not null && (request.VersionId ?? version) == version && secret.Versions[version] is { } text
            ? new GetSecretValueResponse { VersionId = version, SecretString = text }
            : throw new ResourceNotFoundException("Secrets Manager can't find the specified secret value for staging label.");
    }

    PutSecretValueResponse Put(PutSecretValueRequest request)
    {
        var secret = NotDeleted(request.SecretId);
        if (secret.Versions.GetValueOrDefault(request.ClientRequestToken) is { } existing && existing != request.SecretString)
        {
            throw new ResourceExistsException("A version with this token and another value exists.");
        }

        secret.Versions[request.ClientRequestToken] = request.SecretString;
        foreach (var label in request.VersionStages)
        {
            secret.Labels[label] = request.ClientRequestToken;
        }

        return new PutSecretValueResponse { VersionId = request.ClientRequestToken };
    }

    UpdateSecretVersionStageResponse Move(UpdateSecretVersionStageRequest request)
    {
        var secret = NotDeleted(request.SecretId);
        if (secret.WithLabel(request.VersionStage) is { } holder && holder != request.RemoveFromVersionId || !secret.Versions.ContainsKey(request.MoveToVersionId))
        {
            throw new InvalidParameterException("The staging label is attached to another version than RemoveFromVersionId.");
        }

        secret.Labels["AWSPREVIOUS"] = request.RemoveFromVersionId;
        secret.Labels[request.VersionStage] = request.MoveToVersionId;
        return new UpdateSecretVersionStageResponse();
    }

    static DescribeSecretResponse Describe(Secret secret) => new()
    {
        DeletedDate = secret.IsDeleted ? DateTime.UnixEpoch : null,
        RotationEnabled = secret.IsRotated,
        VersionIdsToStages = secret.Versions.Keys.ToDictionary(version => version, version => secret.Labels.Where(label => label.Value == version).Select(label => label.Key).ToList()),
        // Like the SDK, which returns null for an empty list.
        ReplicationStatus = secret.Copies.Count == 0 ? null : [.. secret.Copies.Select(region => new ReplicationStatusType { Region = region })],
    };

    DeleteSecretResponse Delete(DeleteSecretRequest request)
    {
        Assert.InRange(request.RecoveryWindowInDays ?? 0, 7, 30);
        var secret = NotDeleted(request.SecretId);
        secret.IsDeleted = secret.Copies.Count == 0 ? true : throw new InvalidRequestException("You can't delete a secret that still has replica regions.");
        return new DeleteSecretResponse();
    }

    RestoreSecretResponse Restore(RestoreSecretRequest request)
    {
        Find(request.SecretId).IsDeleted = false;
        return new RestoreSecretResponse();
    }

    ReplicateSecretToRegionsResponse Copy(ReplicateSecretToRegionsRequest request)
    {
        NotDeleted(request.SecretId).Copies.AddRange(request.AddReplicaRegions.Select(copy => copy.Region));
        return new ReplicateSecretToRegionsResponse();
    }

    RemoveRegionsFromReplicationResponse RemoveCopies(RemoveRegionsFromReplicationRequest request)
    {
        NotDeleted(request.SecretId).Copies.RemoveAll(request.RemoveReplicaRegions.Contains);
        return new RemoveRegionsFromReplicationResponse();
    }

    Secret Find(string name) => _secrets.TryGetValue(name, out var secret) ? secret : throw new ResourceNotFoundException("Secrets Manager can't find the specified secret.");

    Secret NotDeleted(string name) => Find(name) is { IsDeleted: false } secret
        ? secret
        : throw new InvalidRequestException("You can't perform this operation on the secret because it was marked for deletion.");

    sealed class Secret
    {
        /// <summary>null: a version without a value yet.</summary>
        public Dictionary<string, string?> Versions { get; } = [];
        public Dictionary<string, string> Labels { get; } = [];
        public List<string> Copies { get; } = [];
        public bool IsDeleted { get; set; }
        public bool IsRotated { get; set; }

        public string? WithLabel(string label) => Labels.GetValueOrDefault(label);
    }
}
