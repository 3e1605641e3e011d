using Pulumi.Aws.Backup;
using Pulumi.Aws.Backup.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// Daily and monthly backups of database, files and objects, each copied to the second region. Point-in-time recovery of the database is
/// configured on the RDS instance; these are snapshots, because AWS Backup and RDS must not both manage that setting.
/// </summary>
public sealed class Backups : ComponentResource
{
    public Vault Vault { get; }

    /// <summary>Alarms use the name before the vault exists.</summary>
    public static string VaultName(string name, StackInfo stack) => stack.PhysicalName(name);

    public Backups(string name, DataPlan plan, Keys keys, SecondRegion? second, Alerts alerts, StackInfo stack, InputList<string> resourceArns, ComponentResourceOptions? options = null)
        : base("controlplane:data:Backups", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Vault = new Vault(name, new VaultArgs { Name = VaultName(name, stack), KmsKeyArn = keys.Data.Arn }, childOptions);
        _ = new VaultNotifications(name, new VaultNotificationsArgs
        {
            BackupVaultName = Vault.Name,
            SnsTopicArn = alerts.Critical.Arn,
            BackupVaultEvents = { "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED" }, // Failed backups have a CloudWatch alarm.
        }, childOptions);
        if (stack.Protect)
        {
            // Governance mode: deleting younger backups requires the permission to remove the lock first.
            LockVault(name, Vault.Name, plan, region: null);
            if (second is not null)
            {
                LockVault($"{name}-copies", second.Vault.Name, plan, second.Region);
            }
        }

        var backupPlan = new Pulumi.Aws.Backup.Plan(name, new PlanArgs
        {
            Rules =
            {
                Rule("daily", plan.DailyBackupUtc, plan.DailyBackupsKeptDays, second),
                Rule("monthly", plan.MonthlyBackupUtc, plan.MonthlyBackupsKeptDays, second),
            },
        }, childOptions);
        _ = new Selection(name, new SelectionArgs { PlanId = backupPlan.Id, IamRoleArn = CreateRole(name, stack).Arn, Resources = resourceArns }, childOptions);
        RegisterOutputs();
    }

    PlanRuleArgs Rule(string name, string schedule, int days, SecondRegion? second)
    {
        var rule = new PlanRuleArgs
        {
            RuleName = name,
            TargetVaultName = Vault.Name,
            Schedule = schedule,
            ScheduleExpressionTimezone = "Etc/UTC",
            StartWindow = 60,
            CompletionWindow = 600,
            Lifecycle = new PlanRuleLifecycleArgs { DeleteAfter = days },
        };
        if (second is not null)
        {
            rule.CopyActions.Add(new PlanRuleCopyActionArgs { DestinationVaultArn = second.Vault.Arn, Lifecycle = new PlanRuleCopyActionLifecycleArgs { DeleteAfter = days } });
        }

        return rule;
    }

    void LockVault(string name, Input<string> vault, DataPlan plan, string? region) => _ = new VaultLockConfiguration(name, new VaultLockConfigurationArgs
    {
        Region = Inputs.Optional(region)!,
        BackupVaultName = vault,
        MinRetentionDays = 7,
        MaxRetentionDays = Math.Max(plan.DailyBackupsKeptDays, plan.MonthlyBackupsKeptDays),
    }, new CustomResourceOptions { Parent = this });

    Role CreateRole(string name, StackInfo stack)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "AWS Backup creates and restores backups",
            AssumeRolePolicy = Policy.TrustedBy("backup.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        foreach (var policy in Policies)
        {
            _ = new RolePolicyAttachment($"{name}-{policy.Split('/')[^1]}", new RolePolicyAttachmentArgs { Role = role.Name, PolicyArn = stack.Account.ManagedPolicy(policy) }, childOptions);
        }

        return role;
    }

    static readonly string[] Policies =
    [
        "service-role/AWSBackupServiceRolePolicyForBackup", "service-role/AWSBackupServiceRolePolicyForRestores",
        "AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore",
    ];
}
