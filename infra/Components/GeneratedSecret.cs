using System.Text;
using System.Text.Json;
using Pulumi;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SecretsManager.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// A secret that nobody has to think of: a JSON object whose values are made at random once. Afterwards AWS is the master: rotation or an
/// operator may change it, and Pulumi leaves it alone.
/// </summary>
public sealed class GeneratedSecret : ComponentResource
{
    public Secret Secret { get; }

    /// <summary>
    /// Keeps the first version for good. Without a label Secrets Manager removes it some day after the second change; Pulumi would miss it at its next refresh
    /// and make another, which would come into force in the place of what rotation or an operator has put there.
    /// </summary>
    const string MadeLabel = "MadeByPulumi";

    readonly SecretVersion _version;

    /// <param name="random">Keys that get 32 random letters and digits.</param>
    /// <param name="given">Keys with values that are no secret, such as a user's name.</param>
    /// <param name="inBase64">Keys of <paramref name="random"/> whose 32 bytes are kept in base64.</param>
    public GeneratedSecret(
        string name, string holds, string[] random, (string Key, string Value)[] given, Keys keys, SecondRegion? second, StackInfo stack,
        ComponentResourceOptions? options = null, params string[] inBase64)
        : base("controlplane:security:GeneratedSecret", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var settings = new SecretArgs { Name = stack.Named(name), Description = holds, KmsKeyId = keys.Secrets.Arn, RecoveryWindowInDays = stack.Protect ? 30 : 7 };
        if (second is not null)
        {
            settings.Replicas.Add(new SecretReplicaArgs { Region = second.Region, KmsKeyId = second.Key.Arn });
        }

        Secret = new Secret(name, settings, inside);
        var values = Output.All(random.Select(_ => GetRandomPassword.Invoke(new GetRandomPasswordInvokeArgs { PasswordLength = 32, ExcludePunctuation = true })
            .Apply(made => made.RandomPassword)));
        _version = new SecretVersion(name, new SecretVersionArgs
        {
            SecretId = Secret.Id,
            VersionStages = { "AWSCURRENT", MadeLabel },
            SecretString = Output.CreateSecret(values.Apply(made => JsonSerializer.Serialize(
                random.Zip(made).Select(pair => (Key: pair.First, Value: inBase64.Contains(pair.First) ? Convert.ToBase64String(Encoding.ASCII.GetBytes(pair.Second)) : pair.Second))
                    .Concat(given).ToDictionary(pair => pair.Key, pair => pair.Value)))),
        }, new CustomResourceOptions { Parent = this, IgnoreChanges = { "secretString", "versionStages" }, AdditionalSecretOutputs = { "secretString" } });
        RegisterOutputs();
    }

    /// <summary>A value as it was made; taken from the resource, so that every run sees the same one.</summary>
    public Output<string> Value(string key) => Read(_version.SecretString.Apply(json => json!), key);

    /// <summary>A value as it is now: what an operator has put in its place since it was made.</summary>
    public Output<string> Current(string key) =>
        Read(GetSecretVersion.Invoke(new GetSecretVersionInvokeArgs { SecretId = _version.SecretId }).Apply(version => version.SecretString), key);

    static Output<string> Read(Output<string> secret, string key) =>
        Output.CreateSecret(secret.Apply(json => JsonSerializer.Deserialize<Dictionary<string, string>>(json)![key]));
}
