using Pulumi.Aws.Kms;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// The stack's KMS keys, one per group of readers, so that a role that can decrypt one kind of data cannot decrypt the others.
/// They rotate every year and are deleted after a waiting period of 30 days.
/// </summary>
public sealed class Keys : ComponentResource
{
    /// <summary>Databases, files, objects, cache and backups. Queues use keys that SQS manages.</summary>
    public Key Data { get; }

    /// <summary>Secrets Manager, and Kubernetes secrets.</summary>
    public Key Secrets { get; }

    /// <summary>CloudWatch log groups in the stack's region.</summary>
    public Key Logs { get; }

    /// <summary>SNS topics of alarms and the budget.</summary>
    public Key Alerts { get; }

    /// <summary>The audit trail.</summary>
    public Key Audit { get; }

    public Keys(string name, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:security:Keys", name, options)
    {
        Data = CreateWithAlias($"{name}-data", "databases, files, objects and backups");
        Secrets = CreateWithAlias($"{name}-secrets", "secrets of the platform and of its tenants");
        Logs = CreateWithAlias($"{name}-logs", "logs", LogEncryption(stack.Region, stack));
        Alerts = CreateWithAlias($"{name}-alerts", "alarms", [.. Publishers.Select(service =>
            new Statement(["kms:Decrypt", "kms:GenerateDataKey"], "*") { Principal = ("Service", service) })]);
        Audit = CreateWithAlias($"{name}-audit", "the audit trail", new Statement(["kms:GenerateDataKey", "kms:DescribeKey"], "*")
        {
            Principal = ("Service", "cloudtrail.amazonaws.com"),
            Conditions = [new("StringEquals", "aws:SourceArn", stack.Account.Arn("cloudtrail", $"trail/{stack.PhysicalName("audit")}"))],
        });
        RegisterOutputs();

        Key CreateWithAlias(string keyName, string content, params Statement[] statements)
        {
            var key = Create(keyName, content, stack, this, region: null, statements);
            _ = new Pulumi.Aws.Kms.Alias(keyName, new AliasArgs
            {
                Name = $"alias/{stack.PhysicalName(keyName)}",
                TargetKeyId = key.Id,
            }, new CustomResourceOptions { Parent = this });
            return key;
        }
    }

    /// <param name="content">The data that the key encrypts, for its description.</param>
    /// <param name="region"><c>null</c>: the stack's region.</param>
    /// <param name="statements">In addition to <see cref="AccountAdministration"/>.</param>
    internal static Key Create(string name, string content, StackInfo stack, Resource parent, string? region, params Statement[] statements) => new(name, new KeyArgs
    {
        Region = Inputs.Optional(region)!,
        Description = $"{stack.Project} {stack.Name}: {content}",
        EnableKeyRotation = true,
        DeletionWindowInDays = 30,
        Policy = Policy.Document([AccountAdministration(stack), .. statements]),
    }, new CustomResourceOptions { Parent = parent });

    /// <summary>Services that publish to the SNS topics.</summary>
    internal static readonly string[] Publishers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com"];

    /// <summary>Allows CloudWatch Logs to encrypt log groups in a region.</summary>
    internal static Statement LogEncryption(string region, StackInfo stack) =>
        new(["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"], "*")
        {
            Principal = ("Service", $"logs.{region}.amazonaws.com"),
            Conditions = [new("ArnLike", "kms:EncryptionContext:aws:logs:arn", Output.Format($"arn:{stack.Account.Partition}:logs:{region}:{stack.Account.Id}:*"))],
        };

    // Grants no access by itself: it delegates to the account's IAM policies. Without it a key can become permanently unmanageable.
    static Statement AccountAdministration(StackInfo stack) => new(
        [
            "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:Decrypt", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
            "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
            "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:ListRetirableGrants", "kms:PutKeyPolicy",
            "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RetireGrant", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
            "kms:UpdateAlias", "kms:UpdateKeyDescription",
        ], "*")
    {
        Principal = ("AWS", stack.Account.GlobalArn("iam", "root")),
    };
}
