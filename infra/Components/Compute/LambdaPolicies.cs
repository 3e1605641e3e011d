namespace ControlPlane.Infra.Components.Compute;

/// <summary>IAM statements of the functions, in addition to those that every function needs. Each names its resources.</summary>
sealed class LambdaPolicies(FunctionDependencies dependencies, Plan plan, StackInfo stack)
{
    public static Statement SendTo(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:SendMessage"], queue.Arn);

    public static Statement ReceiveFrom(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue.Arn);

    public static Statement ReadSecrets(params Input<string>[] secrets) => new(["secretsmanager:GetSecretValue"], secrets);

    public Statement Decrypt(params string[] additionalActions) =>
        new(["kms:Decrypt", .. additionalActions], dependencies.Secrets.KeyArns) { Conditions = [OnlyViaSecretsManager(stack.Region)] };

    /// <summary>The portal shows owners the initial password of their environment.</summary>
    public Statement ReadTenantSecrets() => new(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], TenantSecrets);

    public IEnumerable<Statement> ProvisioningStatements() =>
    [
        ReadSecrets(dependencies.Secrets.Cache),
        new(["eks:DescribeCluster"], dependencies.Cluster.Eks.Arn),
        .. TenantSecretStatements(),
        new(["elasticfilesystem:CreateAccessPoint", "elasticfilesystem:DescribeAccessPoints"], dependencies.Files.Arn),
        // Only while creating an access point, and only with this stack's tag.
        new(["elasticfilesystem:TagResource"], stack.Account.Arn("elasticfilesystem", "access-point/*"))
        {
            Conditions = [new("StringEquals", "elasticfilesystem:CreateAction", "CreateAccessPoint"), new("StringEquals", "aws:RequestTag/Stack", stack.Name)],
        },
        new(["elasticfilesystem:DeleteAccessPoint", "elasticfilesystem:DescribeAccessPoints"], stack.Account.Arn("elasticfilesystem", "access-point/*"))
        {
            Conditions = [new("StringEquals", "aws:ResourceTag/Stack", stack.Name)],
        },
    ];

    public IEnumerable<Statement> DatabaseAdminStatements() =>
    [
        new(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"], dependencies.Secrets.Owner),
        Decrypt("kms:GenerateDataKey"),
    ];

    // Writing requires this stack's tag, so that another stack in the same account and region cannot change our tenants' secrets. Reading is allowed by name
    // only: a secret that does not exist yet has no tags, and "not found" would become "access denied". Secrets of other stacks stay unreadable: their key differs.
    IEnumerable<Statement> TenantSecretStatements()
    {
        yield return ReadTenantSecrets();
        yield return new(["secretsmanager:CreateSecret", "secretsmanager:TagResource"], TenantSecrets)
        {
            Conditions = [new("StringEquals", "aws:RequestTag/Stack", stack.Name), HasStackTag("StringEqualsIfExists")],
        };
        yield return new(
            [
                "secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue", "secretsmanager:RemoveRegionsFromReplication", "secretsmanager:RestoreSecret",
                "secretsmanager:UpdateSecretVersionStage",
            ], TenantSecrets)
        {
            Conditions = [HasStackTag("StringEquals")],
        };
        yield return Decrypt("kms:GenerateDataKey");
        if (dependencies.SecondRegion is { } second)
        {
            yield return new(["secretsmanager:ReplicateSecretToRegions"], TenantSecrets) { Conditions = [HasStackTag("StringEqualsIfExists")] };
            yield return new(["kms:Encrypt", "kms:GenerateDataKey"], second.Key.Arn) { Conditions = [OnlyViaSecretsManager(stack.Region, second.Region)] };
        }
    }

    Output<string> TenantSecrets => stack.Account.Arn("secretsmanager", "secret:tenant-*-secrets-*");

    // A promoted standby continues to use the secrets of its former primary.
    Condition HasStackTag(string comparison) =>
        new(comparison, "aws:ResourceTag/Stack", [stack.Name, .. plan.Standby.PrimaryStack is { } primary ? [primary.Split('/')[^1]] : Array.Empty<string>()]);

    static Condition OnlyViaSecretsManager(params string[] regions) =>
        new("StringEquals", "kms:ViaService", [.. regions.Select(region => (Input<string>)$"secretsmanager.{region}.amazonaws.com")]);
}
