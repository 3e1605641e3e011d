using System.Text.Json;
using System.Text.Json.Nodes;
using Amazon.SecretsManager;
using Amazon.SecretsManager.Model;

namespace ControlPlane.Aws;

/// <summary>The secret of the database's owner: a JSON object with a <c>password</c>, in versions that Secrets Manager labels.</summary>
public sealed class OwnerSecret(IAmazonSecretsManager manager, string id)
{
    /// <summary>In force.</summary>
    public const string Current = "AWSCURRENT";
    /// <summary>To come into force when the rotation that made it is through.</summary>
    public const string Pending = "AWSPENDING";
    /// <summary>In force before.</summary>
    public const string Previous = "AWSPREVIOUS";

    const string PasswordKey = "password";

    public string Id => id;

    /// <param name="version">null: whichever has the label.</param>
    /// <returns>The version's id and password; null when there is none.</returns>
    /// <exception cref="InvalidOperationException">It is not the JSON that it has to be.</exception>
    public async Task<(string Version, string Password)?> FindAsync(string label, string? version, CancellationToken ct) =>
        await ReadAsync(label, version, ct) is { } found
            ? (found.VersionId, (string?)Parse(found.SecretString)[PasswordKey] ?? throw Wrong())
            : null;

    /// <summary>Adds a version that is as the current one, but for its password. When the version is there already, it stays as it is.</summary>
    public async Task AddAsync(string version, string password, CancellationToken ct)
    {
        var document = Parse((await ReadAsync(Current, null, ct) ?? throw Wrong()).SecretString);
        document[PasswordKey] = password;
        try
        {
            await manager.PutSecretValueAsync(
                new PutSecretValueRequest { SecretId = id, ClientRequestToken = version, SecretString = document.ToJsonString(), VersionStages = [Pending] }, ct);
        }
        catch (ResourceExistsException)
        {
            // Another attempt at this step was faster.
        }
    }

    public Task<DescribeSecretResponse> DescribeAsync(CancellationToken ct) => manager.DescribeSecretAsync(new DescribeSecretRequest { SecretId = id }, ct);

    /// <summary>Puts a version into force in place of another; that one becomes the previous.</summary>
    public Task PromoteToCurrentAsync(string version, string inPlaceOf, CancellationToken ct) => manager.UpdateSecretVersionStageAsync(
        new UpdateSecretVersionStageRequest { SecretId = id, VersionStage = Current, MoveToVersionId = version, RemoveFromVersionId = inPlaceOf }, ct);

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
            return JsonNode.Parse(text) as JsonObject ?? throw Wrong();
        }
        catch (JsonException)
        {
            // The cause would quote from it.
            throw Wrong();
        }
    }

    InvalidOperationException Wrong() => new($"The secret {id} has to be a JSON object with a {PasswordKey}: put its AWSPREVIOUS version into force again.");
}
