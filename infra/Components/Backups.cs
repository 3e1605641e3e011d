using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Backup;
using Pulumi.Aws.Backup.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>
/// Daily and monthly backups of database, files and objects, each copied to the second region. The database's own point-in-time recovery
/// stays with RDS, so these are snapshots: two owners of one setting would fight.
/// </summary>
public sealed class Backups : ComponentResource
{
    public Vault Vault { get; }

    /// <summary>Known ahead, to alarms.</summary>
    public static string VaultName(string name, StackInfo stack) => stack.Named(name);

    public Backups(string name, DataPlan plan, Keys keys, SecondRegion? second, Alerts alerts, StackInfo stack, InputList<string> what, ComponentResourceOptions? options = null)
        : base("controlplane:data:Backups", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Vault = new Vault(name, new VaultArgs { Name = VaultName(name, stack), KmsKeyArn = keys.Data.Arn }, inside);
        _ = new VaultNotifications(name, new VaultNotificationsArgs
        {
            BackupVaultName = Vault.Name,
            SnsTopicArn = alerts.Critical.Arn,
            BackupVaultEvents = { "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED" }, // Of failed backups an alarm tells.
        }, inside);
        if (stack.Protect)
        {
            // Governance: backups younger than this can be deleted only by whoever may first remove the lock.
            Lock(name, Vault.Name, plan, region: null);
            if (second is not null)
            {
                Lock($"{name}-copies", second.Vault.Name, plan, second.Region);
            }
        }

        var plans = new Pulumi.Aws.Backup.Plan(name, new PlanArgs
        {
            Rules =
            {
                Rule("daily", plan.DailyBackupUtc, plan.DailyBackupsKeptDays, second),
                Rule("monthly", plan.MonthlyBackupUtc, plan.MonthlyBackupsKeptDays, second),
            },
        }, inside);
        _ = new Selection(name, new SelectionArgs { PlanId = plans.Id, IamRoleArn = MakeRole(name, stack).Arn, Resources = what }, inside);
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

    void Lock(string name, Input<string> vault, DataPlan plan, string? region) => _ = new VaultLockConfiguration(name, new VaultLockConfigurationArgs
    {
        Region = Inputs.Optional(region)!,
        BackupVaultName = vault,
        MinRetentionDays = 7,
        MaxRetentionDays = Math.Max(plan.DailyBackupsKeptDays, plan.MonthlyBackupsKeptDays),
    }, new CustomResourceOptions { Parent = this });

    Role MakeRole(string name, StackInfo stack)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "AWS Backup makes backups and restores them",
            AssumeRolePolicy = Policy.TrustedBy("backup.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, inside);
        foreach (var policy in s_policies)
        {
            _ = new RolePolicyAttachment($"{name}-{policy.Split('/')[^1]}", new RolePolicyAttachmentArgs { Role = role.Name, PolicyArn = stack.Account.ManagedPolicy(policy) }, inside);
        }

        return role;
    }

    static readonly string[] s_policies =
    [
        "service-role/AWSBackupServiceRolePolicyForBackup", "service-role/AWSBackupServiceRolePolicyForRestores",
        "AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore",
    ];
}
