using Pulumi;
using Pulumi.Aws.Kms;

namespace ControlPlane.Infra.Components;

/// <summary>
/// The stack's own encryption keys, one per kind of reader, so that a role that may read one kind cannot read the others.
/// They rotate every year; after a deletion is asked for, AWS waits 30 days.
/// </summary>
public sealed class Keys : ComponentResource
{
    /// <summary>Databases, files, objects, cache and backups. Queues have SQS' own keys.</summary>
    public Key Data { get; }

    /// <summary>Secrets Manager, and the secrets of Kubernetes.</summary>
    public Key Secrets { get; }

    /// <summary>CloudWatch log groups of this stack's region.</summary>
    public Key Logs { get; }

    /// <summary>Topics that alarms and the budget are announced on.</summary>
    public Key Alerts { get; }

    /// <summary>The audit trail.</summary>
    public Key Audit { get; }

    public Keys(string name, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:security:Keys", name, options)
    {
        Data = Make($"{name}-data", "databases, files, objects and backups");
        Secrets = Make($"{name}-secrets", "secrets of the platform and of its tenants");
        Logs = Make($"{name}-logs", "logs", ForLogsIn(stack.Region, stack));
        Alerts = Make($"{name}-alerts", "alarms", [.. Announcers.Select(service =>
            new Statement(["kms:Decrypt", "kms:GenerateDataKey"], "*") { Principal = ("Service", service) })]);
        Audit = Make($"{name}-audit", "the audit trail", new Statement(["kms:GenerateDataKey", "kms:DescribeKey"], "*")
        {
            Principal = ("Service", "cloudtrail.amazonaws.com"),
            When = [new("StringEquals", "aws:SourceArn", stack.Account.Arn("cloudtrail", $"trail/{stack.Named("audit")}"))],
        });
        RegisterOutputs();

        Key Make(string of, string holds, params Statement[] more)
        {
            var key = new Key(of, new KeyArgs
            {
                Description = $"{stack.Project} {stack.Name}: {holds}",
                EnableKeyRotation = true,
                DeletionWindowInDays = 30,
                Policy = Policy.Document([AccountAdministers(stack), .. more]),
            }, new CustomResourceOptions { Parent = this });
            _ = new Pulumi.Aws.Kms.Alias(of, new AliasArgs
            {
                Name = $"alias/{stack.Named(of)}",
                TargetKeyId = key.Id,
            }, new CustomResourceOptions { Parent = this });
            return key;
        }
    }

    /// <summary>Services that publish to the topics.</summary>
    internal static readonly string[] Announcers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com"];

    /// <summary>Lets CloudWatch encrypt log groups of a region.</summary>
    internal static Statement ForLogsIn(string region, StackInfo stack) =>
        new(["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"], "*")
        {
            Principal = ("Service", $"logs.{region}.amazonaws.com"),
            When = [new("ArnLike", "kms:EncryptionContext:aws:logs:arn", Output.Format($"arn:{stack.Account.Partition}:logs:{region}:{stack.Account.Id}:*"))],
        };

    // Gives nobody anything by itself: it lets the account's IAM policies decide. Without it a key can become unmanageable for good.
    internal static Statement AccountAdministers(StackInfo stack) => new(
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
