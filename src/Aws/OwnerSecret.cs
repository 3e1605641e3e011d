using System.Text.Json;
using System.Text.Json.Nodes;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Aws;

/// <summary>The secret of the database's owner: a JSON object with a <c>password</c>, in versions with staging labels.</summary>
public sealed class OwnerSecret(IAmazonSecretsManager manager, string id)
{
    /// <summary>The version in use.</summary>
    public const string Current = "AWSCURRENT";
    /// <summary>Becomes current when its rotation finishes.</summary>
    public const string Pending = "AWSPENDING";
    /// <summary>The version in use before.</summary>
    public const string Previous = "AWSPREVIOUS";

    const string PasswordKey = "password";

    public string Id => id;

    /// <param name="version">null: the version that has the label.</param>
    /// <returns>The version's id and password; null if there is no such version.</returns>
    /// <exception cref="InvalidOperationException">The secret is not a JSON object with a password.</exception>
    public async Task<(string Version, string Password)?> FindAsync(string label, string? version, CancellationToken ct) =>
        await ReadAsync(label, version, ct) is { } found
            ? (found.VersionId, (string?)Parse(found.SecretString)[PasswordKey] ?? throw Malformed())
            : null;

    /// <summary>Adds a pending version: a copy of the current one with another password. An existing version is left unchanged.</summary>
    public async Task AddAsync(string version, string password, CancellationToken ct)
    {
        var document = Parse((await ReadAsync(Current, null, ct) ?? throw Malformed()).SecretString);
        document[PasswordKey] = password;
        try
        {
            await manager.PutSecretValueAsync(
                new PutSecretValueRequest { SecretId = id, ClientRequestToken = version, SecretString = document.ToJsonString(), VersionStages = [Pending] }, ct);
        }
        catch (ResourceExistsException)
        {
            // Another attempt at this step has added it.
        }
    }

    public Task<DescribeSecretResponse> DescribeAsync(CancellationToken ct) => manager.DescribeSecretAsync(new DescribeSecretRequest { SecretId = id }, ct);

    /// <summary>Makes a version the current one; the former current version becomes the previous one.</summary>
    public Task PromoteToCurrentAsync(string version, string formerVersion, CancellationToken ct) => manager.UpdateSecretVersionStageAsync(
        new UpdateSecretVersionStageRequest { SecretId = id, VersionStage = Current, MoveToVersionId = version, RemoveFromVersionId = formerVersion }, ct);

    async Task<GetSecretValueResponse?> ReadAsync(string label, string? version, CancellationToken ct)
    {
        try
        {
            return await manager.GetSecretValueAsync(new GetSecretValueRequest { SecretId = id, VersionStage = label, VersionId = version }, ct);
        }
        catch (ResourceNotFoundException)
        {
            return null;
        }
    }

    JsonObject Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw Malformed();
        }
        catch (JsonException)
        {
            // No inner exception: it would quote the secret.
            throw Malformed();
        }
    }

    InvalidOperationException Malformed() => new($"The secret {id} must be a JSON object with a {PasswordKey}: promote its AWSPREVIOUS version to AWSCURRENT.");
}
