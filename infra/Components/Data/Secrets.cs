namespace ControlPlane.Infra.Components.Data;

/// <summary>The platform's own secrets. The primary creates them and Secrets Manager replicates them; a standby uses the replicas.</summary>
public sealed class Secrets : ComponentResource
{
    /// <summary>Secret settings by name: the operator key, the key that encrypts tenants' secrets, and those an operator adds.</summary>
    public Output<string> Platform { get; }

    /// <summary>The token that CloudFront sends to the functions.</summary>
    public Output<string> Origin { get; }

    /// <summary>
    /// Begins the API's host names in both regions. Only CloudFront and the health check know it, so that other clients do not reach the throttles that all share.
    /// </summary>
    public Output<string> OriginLabel { get; }

    /// <summary>User name and password of the database owner; the password is rotated.</summary>
    public Output<string> Owner { get; }

    /// <summary>The auth token of this region's Redis.</summary>
    public Output<string> Cache { get; }

    public Output<string> OriginToken { get; } = Output.Create("");
    public Output<string> OwnerPassword { get; } = Output.Create("");
    public Output<string> CacheToken { get; }

    /// <summary>The KMS keys that decrypt them.</summary>
    public Input<string>[] KeyArns { get; }

    public Secrets(string name, Plan plan, Keys keys, SecondRegion? second, PrimaryStackReference? primary, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:security:Secrets", name, options)
    {
        var childOptions = new ComponentResourceOptions { Parent = this };
        var cache = new GeneratedSecret($"{name}-cache", "Auth token of Redis", ["token"], [], keys, null, stack, childOptions);
        (Cache, CacheToken) = (cache.Secret.Arn, cache.InitialValue("token"));
        if (primary is not null)
        {
            (Platform, Origin, Owner) = (primary.SecretReplicaArn("platformSecretArn"), primary.SecretReplicaArn("originSecretArn"), primary.SecretReplicaArn("ownerSecretArn"));
            OriginLabel = primary.GetOutput("originLabel");
            KeyArns = [keys.Secrets.Arn, primary.GetOutput("copiesKeyArn")];
        }
        else
        {
            var platform = new GeneratedSecret($"{name}-platform", "Secret settings of the control plane", ["CONTROLPLANE_OPERATOR_KEY", "CONTROLPLANE_SECRETS_KEY"], [], keys, second, stack, childOptions,
                base64Keys: "CONTROLPLANE_SECRETS_KEY");
            var origin = new GeneratedSecret($"{name}-origin", "Token that CloudFront sends to the functions", ["token"], [], keys, second, stack, childOptions);
            var label = new GeneratedSecret($"{name}-origin-label", "Beginning of the API's host names", ["label"], [], keys, null, stack, childOptions);
            var owner = new GeneratedSecret($"{name}-database-owner", "Credentials of the database owner", ["password"],
                [("username", PostgresDatabase.Owner), ("engine", "postgres"), ("dbname", plan.Data.DatabaseName)], keys, second, stack, childOptions);
            (Platform, Origin, Owner) = (platform.Secret.Arn, origin.Secret.Arn, owner.Secret.Arn);
            (OriginToken, OwnerPassword) = (origin.CurrentValue("token"), owner.InitialValue("password"));
            OriginLabel = label.InitialValue("label").Apply(value => value.ToLowerInvariant());
            KeyArns = [keys.Secrets.Arn];
        }

        RegisterOutputs();
    }
}
