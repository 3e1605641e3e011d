using System.Text;
using System.Text.Json;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SecretsManager.Inputs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// A secret with random values: a JSON object that is generated once. Afterwards Secrets Manager is authoritative: rotation or an operator
/// may change it, and Pulumi ignores the changes.
/// </summary>
public sealed class GeneratedSecret : ComponentResource
{
    public Secret Secret { get; }

    /// <summary>
    /// Keeps the initial version. Secrets Manager deletes versions without a label after later changes; the next refresh would miss it, and Pulumi would
    /// create another that replaces the current value set by rotation or an operator.
    /// </summary>
    const string InitialVersionLabel = "MadeByPulumi";

    readonly SecretVersion _version;

    /// <param name="randomKeys">Keys whose values are 32 random letters and digits.</param>
    /// <param name="fixedValues">Values that are not secret, such as a user name.</param>
    /// <param name="base64Keys">Those of <paramref name="randomKeys"/> whose 32 bytes are stored in base64.</param>
    public GeneratedSecret(
        string name, string description, string[] randomKeys, (string Key, string Value)[] fixedValues, Keys keys, SecondRegion? second, StackInfo stack,
        ComponentResourceOptions? options = null, params string[] base64Keys)
        : base("controlplane:security:GeneratedSecret", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var settings = new SecretArgs { Name = stack.PhysicalName(name), Description = description, KmsKeyId = keys.Secrets.Arn, RecoveryWindowInDays = stack.Protect ? 30 : 7 };
        if (second is not null)
        {
            settings.Replicas.Add(new SecretReplicaArgs { Region = second.Region, KmsKeyId = second.Key.Arn });
        }

        Secret = new Secret(name, settings, childOptions);
        var randomValues = Output.All(randomKeys.Select(_ => GetRandomPassword.Invoke(new GetRandomPasswordInvokeArgs { PasswordLength = 32, ExcludePunctuation = true })
            .Apply(result => result.RandomPassword)));
        _version = new SecretVersion(name, new SecretVersionArgs
        {
            SecretId = Secret.Id,
            VersionStages = { "AWSCURRENT", InitialVersionLabel },
            SecretString = Output.CreateSecret(randomValues.Apply(values => JsonSerializer.Serialize(
                randomKeys.Zip(values).Select(pair => (Key: pair.First, Value: base64Keys.Contains(pair.First) ? Convert.ToBase64String(Encoding.ASCII.GetBytes(pair.Second)) : pair.Second))
                    .Concat(fixedValues).ToDictionary(pair => pair.Key, pair => pair.Value)))),
        }, new CustomResourceOptions { Parent = this, IgnoreChanges = { "secretString", "versionStages" }, AdditionalSecretOutputs = { "secretString" } });
        RegisterOutputs();
    }

    /// <summary>The value as generated, from Pulumi's state: the same in every run.</summary>
    public Output<string> InitialValue(string key) => Read(_version.SecretString.Apply(json => json!), key);

    /// <summary>The current value in Secrets Manager, which an operator may have changed.</summary>
    public Output<string> CurrentValue(string key) =>
        Read(GetSecretVersion.Invoke(new GetSecretVersionInvokeArgs { SecretId = _version.SecretId }).Apply(version => version.SecretString), key);

    static Output<string> Read(Output<string> secret, string key) =>
        Output.CreateSecret(secret.Apply(json => JsonSerializer.Deserialize<Dictionary<string, string>>(json)![key]));
}
