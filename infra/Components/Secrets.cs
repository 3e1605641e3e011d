using Pulumi;

namespace ControlPlane.Infra.Components;

/// <summary>The platform's own secrets. The primary makes them and Secrets Manager copies them; a standby uses the copies.</summary>
public sealed class Secrets : ComponentResource
{
    /// <summary>Settings of the hosts, by their names: the operator's key, the key that secrets of tenants are sealed with, and what an operator adds.</summary>
    public Output<string> Platform { get; }

    /// <summary>What CloudFront shows to the functions.</summary>
    public Output<string> Origin { get; }

    /// <summary>The database's owner: username and password, rotated.</summary>
    public Output<string> Owner { get; }

    /// <summary>The token of Redis; each region has its own Redis and its own token.</summary>
    public Output<string> Cache { get; }

    public Output<string> OriginToken { get; } = Output.Create("");
    public Output<string> OwnerPassword { get; } = Output.Create("");
    public Output<string> CacheToken { get; }

    /// <summary>The keys that open them.</summary>
    public Input<string>[] KeyArns { get; }

    public Secrets(string name, Plan plan, Keys keys, SecondRegion? second, Primary? primary, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:security:Secrets", name, options)
    {
        var inside = new ComponentResourceOptions { Parent = this };
        var cache = new GeneratedSecret($"{name}-cache", "Token of Redis", ["token"], [], keys, null, stack, inside);
        (Cache, CacheToken) = (cache.Secret.Arn, cache.Value("token"));
        if (primary is not null)
        {
            (Platform, Origin, Owner) = (primary.CopyOf("platformSecretArn"), primary.CopyOf("originSecretArn"), primary.CopyOf("ownerSecretArn"));
            KeyArns = [keys.Secrets.Arn, primary.Text("copiesKeyArn")];
        }
        else
        {
            var platform = new GeneratedSecret($"{name}-platform", "Settings of the control plane that are secret", ["CONTROLPLANE_OPERATOR_KEY", "CONTROLPLANE_SECRETS_KEY"], [], keys, second, stack, inside,
                inBase64: "CONTROLPLANE_SECRETS_KEY");
            var origin = new GeneratedSecret($"{name}-origin", "What CloudFront shows to the functions", ["token"], [], keys, second, stack, inside);
            var owner = new GeneratedSecret($"{name}-database-owner", "Owner of the database", ["password"],
                [("username", Database.Owner), ("engine", "postgres"), ("dbname", plan.Data.DatabaseName)], keys, second, stack, inside);
            (Platform, Origin, Owner) = (platform.Secret.Arn, origin.Secret.Arn, owner.Secret.Arn);
            (OriginToken, OwnerPassword) = (origin.Current("token"), owner.Value("password"));
            KeyArns = [keys.Secrets.Arn];
        }

        RegisterOutputs();
    }
}
