using System.Text.Json;
using ControlPlane.Platform.Jobs;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Scheduler;
using Pulumi.Aws.Scheduler.Inputs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>One EventBridge schedule per job of <see cref="JobSchedules"/>.</summary>
public sealed class Schedules : ComponentResource
{
    /// <param name="isEnabled"><c>false</c> in a passive standby.</param>
    public Schedules(string name, Functions functions, Queues queues, bool isEnabled, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:functions:Schedules", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var group = new ScheduleGroup(name, new ScheduleGroupArgs { Name = stack.PhysicalName("jobs") }, childOptions);
        var role = new Role(name, new RoleArgs
        {
            Description = "EventBridge Scheduler invokes the functions of the jobs",
            AssumeRolePolicy = Policy.TrustedBy("scheduler.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        var policy = new RolePolicy(name, new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(
                new Statement(["lambda:InvokeFunction"], functions.Jobs.Live.Arn, functions.Provision.Live.Arn),
                new Statement(["sqs:SendMessage"], queues.Failed.Arn)),
        }, childOptions);
        foreach (var job in JobSchedules.All)
        {
            // These reach the data plane, or the providers with its keys.
            var function = job == JobSchedules.Provision || job == JobSchedules.Storage || job == JobSchedules.Health ? functions.Provision : functions.Jobs;
            _ = new Schedule($"{name}-{job.Name}", new ScheduleArgs
            {
                Name = job.Name,
                Description = job.Description,
                GroupName = group.Name,
                ScheduleExpression = AwsCron.From(job.Cron),
                ScheduleExpressionTimezone = "UTC",
                FlexibleTimeWindow = new ScheduleFlexibleTimeWindowArgs { Mode = "OFF" },
                State = isEnabled ? "ENABLED" : "DISABLED",
                Target = new ScheduleTargetArgs
                {
                    Arn = function.Live.Arn,
                    RoleArn = role.Arn,
                    Input = JsonSerializer.Serialize(new { job = job.Name }),
                    RetryPolicy = new ScheduleTargetRetryPolicyArgs { MaximumRetryAttempts = 5, MaximumEventAgeInSeconds = 3_600 },
                    DeadLetterConfig = new ScheduleTargetDeadLetterConfigArgs { Arn = queues.Failed.Arn },
                },
            }, new CustomResourceOptions { Parent = this, DependsOn = { policy } });
        }

        RegisterOutputs();
    }
}
