using Pulumi;

namespace ControlPlane.Infra.Components;

/// <summary>What functions may do, beyond what every function has to. Each statement names the resource.</summary>
sealed class FunctionRights(FunctionMeans means, Plan plan, StackInfo stack)
{
    public static Statement MaySend(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:SendMessage"], queue.Arn);

    public static Statement MayReceive(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue.Arn);

    public static Statement ReadSecrets(params Input<string>[] secrets) => new(["secretsmanager:GetSecretValue"], secrets);

    public Statement Decrypt(params string[] more) => new(["kms:Decrypt", .. more], means.Secrets.KeyArns) { When = [OnlyThroughSecretsManagerIn(stack.Region)] };

    /// <summary>Owners are shown their environment's first password.</summary>
    public Statement ReadTenantSecrets() => new(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], TenantSecrets);

    public IEnumerable<Statement> MayProvision() =>
    [
        ReadSecrets(means.Secrets.Cache),
        new(["eks:DescribeCluster"], means.Cluster.Eks.Arn),
        .. MayKeepTenantSecrets(),
        new(["elasticfilesystem:CreateAccessPoint", "elasticfilesystem:DescribeAccessPoints"], means.Files.Arn),
        // Only access points that it made itself, which it has to tag as the stack's.
        new(["elasticfilesystem:TagResource"], stack.Account.Arn("elasticfilesystem", "access-point/*"))
        {
            When = [new("StringEquals", "elasticfilesystem:CreateAction", "CreateAccessPoint"), new("StringEquals", "aws:RequestTag/Stack", stack.Name)],
        },
        new(["elasticfilesystem:DeleteAccessPoint", "elasticfilesystem:DescribeAccessPoints"], stack.Account.Arn("elasticfilesystem", "access-point/*"))
        {
            When = [new("StringEquals", "aws:ResourceTag/Stack", stack.Name)],
        },
    ];

    public IEnumerable<Statement> MayOwnDatabase() =>
    [
        new(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"], means.Secrets.Owner),
        Decrypt("kms:GenerateDataKey"),
    ];

    // Whose tag it is decides, not the name alone: a test stack in the same account and region leaves our tenants' secrets alone. Reading is by
    // name: of a secret that is not there yet no tag is known, and "not there" would become "denied". Another stack's do not open: it has its own key.
    IEnumerable<Statement> MayKeepTenantSecrets()
    {
        yield return ReadTenantSecrets();
        yield return new(["secretsmanager:CreateSecret", "secretsmanager:TagResource"], TenantSecrets)
        {
            When = [new("StringEquals", "aws:RequestTag/Stack", stack.Name), Ours("StringEqualsIfExists")],
        };
        yield return new(
            [
                "secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue", "secretsmanager:RemoveRegionsFromReplication", "secretsmanager:RestoreSecret",
                "secretsmanager:UpdateSecretVersionStage",
            ], TenantSecrets)
        {
            When = [Ours("StringEquals")],
        };
        yield return Decrypt("kms:GenerateDataKey");
        if (means.Second is { } second)
        {
            yield return new(["secretsmanager:ReplicateSecretToRegions"], TenantSecrets) { When = [Ours("StringEqualsIfExists")] };
            yield return new(["kms:Encrypt", "kms:GenerateDataKey"], second.Key.Arn) { When = [OnlyThroughSecretsManagerIn(stack.Region, second.Region)] };
        }
    }

    Output<string> TenantSecrets => stack.Account.Arn("secretsmanager", "secret:tenant-*-secrets-*");

    // A standby that has taken over goes on with the secrets of its primary.
    Condition Ours(string how) => new(how, "aws:ResourceTag/Stack", [stack.Name, .. plan.Standby.PrimaryStack is { } primary ? [primary.Split('/')[^1]] : Array.Empty<string>()]);

    static Condition OnlyThroughSecretsManagerIn(params string[] regions) =>
        new("StringEquals", "kms:ViaService", [.. regions.Select(region => (Input<string>)$"secretsmanager.{region}.amazonaws.com")]);
}
