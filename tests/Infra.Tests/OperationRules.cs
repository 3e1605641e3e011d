using ControlPlane.Platform.Jobs;

namespace ControlPlane.Infra.Tests;

/// <summary>What runs is known to somebody: jobs, alarms, functions and encrypted connections in every stack.</summary>
static class OperationRules
{
    public static void Every_alarm_has_an_action(World world)
    {
        var heard = world.Of("aws:sns/topicSubscription:TopicSubscription").SelectMany(subscription => subscription.DependsOn).ToHashSet();
        Assert.All(world.Of("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm =>
        {
            Assert.NotEmpty(alarm.Texts("alarmActions"));
            Assert.Contains(alarm.DependsOn, heard.Contains);
        });
    }

    public static void Every_alarm_says_what_silence_means(World world) =>
        Assert.All(world.Of("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm => Assert.Equal(
            alarm.Name is "alarms-database-connectivity" or "alarms-replica-lag" ? "breaching" : "notBreaching", alarm["treatMissingData"]));

    public static void Every_job_is_scheduled_as_the_hosts_schedule_it(World world)
    {
        var schedules = world.Of("aws:scheduler/schedule:Schedule").ToList();
        if (world.Of("aws:eks/cluster:Cluster").Any())
        {
            Assert.Equal(JobSchedules.All.Select(job => job.Name).Order(StringComparer.Ordinal), schedules.Select(schedule => (string)schedule["name"]!));
        }

        Assert.All(schedules, schedule =>
        {
            var job = JobSchedules.All.Single(job => job.Name == (string)schedule["name"]!);
            Assert.Equal(AwsCron.From(job.Cron), schedule["scheduleExpression"]);
            Assert.Equal("UTC", schedule["scheduleExpressionTimezone"]);
            Assert.Equal(job.Name, schedule.Json("target.input").GetProperty("job").GetString());
        });
    }

    public static void Every_schedule_retries_and_then_sets_aside(World world) =>
        Assert.All(world.Of("aws:scheduler/schedule:Schedule"), schedule =>
        {
            Assert.True(Convert.ToInt32(schedule["target.retryPolicy.maximumRetryAttempts"] ?? 0, null) > 0, schedule.Key);
            Assert.NotNull(schedule["target.deadLetterConfig.arn"]);
        });

    public static void Every_function_has_a_role_and_a_log_of_its_own(World world)
    {
        var functions = world.Of("aws:lambda/function:Function").ToList();
        Assert.Equal(functions.Count, functions.Select(function => function["role"]).Distinct().Count());
        Assert.Equal(functions.Count, functions.Select(function => function["loggingConfig.logGroup"]).Distinct().Count());
        Assert.All(functions, function => Assert.Equal(["arm64"], function.Texts("architectures")));
    }

    public static void Nothing_older_than_TLS_1_2_is_spoken(World world)
    {
        Assert.All(world.Of("aws:lb/listener:Listener").Where(listener => listener["port"] is not null && Convert.ToInt32(listener["port"], null) == 443),
            listener => Assert.StartsWith("ELBSecurityPolicy-TLS13-", (string?)listener["sslPolicy"], StringComparison.Ordinal));
        Assert.All(world.Of("aws:apigatewayv2/domainName:DomainName"), domain => Assert.Equal("TLS_1_2", domain["domainNameConfiguration.securityPolicy"]));
        Assert.All(world.Of("aws:cloudfront/distribution:Distribution"), distribution =>
        {
            Assert.StartsWith("TLSv1.", (string?)distribution["viewerCertificate.minimumProtocolVersion"], StringComparison.Ordinal);
            Assert.NotEqual("allow-all", distribution["defaultCacheBehavior.viewerProtocolPolicy"]);
            Assert.Equal(["TLSv1.2"], distribution.Texts("origins.0.customOriginConfig.originSslProtocols"));
        });
        Assert.All(world.Of("aws:rds/proxy:Proxy"), proxy => Assert.True(proxy["requireTls"] is true, proxy.Key));
    }
}
