using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Amazon;
using Amazon.Runtime;
using Microsoft.Extensions.Configuration;

namespace ControlPlane.Aws;

/// <summary>Settings that infra sets on the functions. Each is read when it is needed, because a function has only those that it uses.</summary>
/// <exception cref="InvalidOperationException">A setting is missing or wrong; the message names it and says what to set.</exception>
sealed class AwsSettings(IConfiguration configuration)
{
    public const string TenantSecretsKeySetting = "CONTROLPLANE_TENANT_SECRETS_KEY";

    /// <summary>Retries of throttled calls and server errors; about 20 s with exponential backoff.</summary>
    const int MaxRetries = 5;

    const string OwnerSecretSetting = "CONTROLPLANE_DATABASE_OWNER_SECRET";

    /// <summary>The region that this process runs in, from Lambda. After a failover it differs from the region in the tenants' data.</summary>
    public RegionEndpoint Region => RegionEndpoint.GetBySystemName(
        configuration["AWS_REGION"] ?? configuration["CONTROLPLANE_REGION"] ?? throw Missing("CONTROLPLANE_REGION", "the AWS region, such as eu-central-1"));

    public string Cluster => Required("CONTROLPLANE_CLUSTER", "the name of the EKS cluster");

    public string Database => Required("CONTROLPLANE_DATABASE", "an Npgsql connection string");

    /// <summary>True in the function <c>database</c> only; the others sign in with IAM.</summary>
    public bool SignsInAsOwner => configuration[OwnerSecretSetting] is not null;

    public string OwnerSecret => Required(OwnerSecretSetting, "the ARN of the secret with the password of the database's owner");

    /// <summary>ARN of the KMS key for new secrets; null in functions that only read tenants' secrets.</summary>
    public string? TenantSecretsKey => configuration[TenantSecretsKeySetting];

    /// <summary>null if the stack has no second region.</summary>
    public TenantSecretCopy? TenantSecretsCopy => configuration["CONTROLPLANE_TENANT_SECRETS_COPY"] is null
        ? null
        : Json("CONTROLPLANE_TENANT_SECRETS_COPY", SecretJson.Default.TenantSecretCopy, """{"region": "eu-west-1", "key": "arn:aws:kms:…"}""");

    /// <summary>The stack's tags, for ownership and cost allocation; also set on every resource created for a tenant.</summary>
    public SortedDictionary<string, string> Tags => configuration["CONTROLPLANE_TAGS"] is null
        ? []
        : Json("CONTROLPLANE_TAGS", SecretJson.Default.SortedDictionaryStringString, """{"Owner": "platform", "Stack": "prod"}""");

    public string ModelFiles => Required("CONTROLPLANE_MODEL_FILES", "the id of the EFS file system of models, fs-…");

    public AccessPointTemplate TenantAccessPoint
    {
        get
        {
            const string Name = "CONTROLPLANE_TENANT_ACCESS_POINT", Example = """{"path": "/tenants/{tenant_id}", "uid": 1000, "gid": 1000, "permissions": "0750"}""";
            var template = Json(Name, EfsJson.Default.AccessPointTemplate, Example);
            // Otherwise all tenants would have the same directory.
            return template.Path.Contains(AccessPointTemplate.TenantId, StringComparison.Ordinal)
                ? template
                : throw new InvalidOperationException($"{Name} has a path without {AccessPointTemplate.TenantId}: set it to JSON such as {Example}.");
        }
    }

    public TConfig Client<TConfig>() where TConfig : ClientConfig, new() =>
        new() { RegionEndpoint = Region, RetryMode = RequestRetryMode.Standard, MaxErrorRetry = MaxRetries };

    string Required(string name, string what) => configuration[name] is { Length: > 0 } value ? value : throw Missing(name, what);

    T Json<T>(string name, JsonTypeInfo<T> type, string example)
    {
        try
        {
            return JsonSerializer.Deserialize(Required(name, $"JSON such as {example}"), type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"{name} cannot be read: set it to JSON such as {example}.", e);
        }
    }

    static InvalidOperationException Missing(string name, string what) => new($"{name} is not set: set it to {what}.");
}
