using Pulumi;

namespace ControlPlane.Infra.Components;

/// <summary>What functions may do, beyond what every function has to. Each statement names the resource.</summary>
sealed class FunctionRights(FunctionMeans means, StackInfo stack)
{
    public static Statement MaySend(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:SendMessage"], queue.Arn);

    public static Statement MayReceive(Pulumi.Aws.Sqs.Queue queue) => new(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue.Arn);

    public static Statement ReadSecrets(params Input<string>[] secrets) => new(["secretsmanager:GetSecretValue"], secrets);

    public Statement Decrypt(params string[] more) => new(["kms:Decrypt", .. more], means.Secrets.KeyArns)
    {
        When = [new("StringEquals", "kms:ViaService", $"secretsmanager.{stack.Region}.amazonaws.com")],
    };

    public IEnumerable<Statement> MayProvision() =>
    [
        ReadSecrets(means.Secrets.Cache),
        new(["eks:DescribeCluster"], means.Cluster.Eks.Arn),
        new(
            [
                "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue", "secretsmanager:TagResource", "secretsmanager:UpdateSecret",
            ], stack.Account.Arn("secretsmanager", "secret:tenant-*")),
        Decrypt("kms:GenerateDataKey"),
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
}
