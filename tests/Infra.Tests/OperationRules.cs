using ControlPlane.Platform.Jobs;

namespace ControlPlane.Infra.Tests;

/// <summary>Rules on jobs, alarms, functions and TLS, for every resource of every stack.</summary>
static class OperationRules
{
    public static void Every_alarm_notifies_a_topic_with_subscriptions(StackSnapshot deployed)
    {
        var subscribedTopics = deployed.OfType("aws:sns/topicSubscription:TopicSubscription").SelectMany(subscription => subscription.DependsOn).ToHashSet();
        Assert.All(deployed.OfType("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm =>
        {
            Assert.NotEmpty(alarm.Texts("alarmActions"));
            Assert.Contains(alarm.DependsOn, subscribedTopics.Contains);
        });
    }

    public static void Only_heartbeat_alarms_treat_missing_data_as_breaching(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm => Assert.Equal(
            alarm.Name is "alarms-database-connectivity" or "alarms-replica-lag" ? "breaching" : "notBreaching", alarm["treatMissingData"]));

    public static void Every_job_has_the_same_schedule_as_on_the_hosts(StackSnapshot deployed)
    {
        var schedules = deployed.OfType("aws:scheduler/schedule:Schedule").ToList();
        if (deployed.OfType("aws:eks/cluster:Cluster").Any())
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

    public static void Every_schedule_has_retries_and_a_dead_letter_queue(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:scheduler/schedule:Schedule"), schedule =>
        {
            Assert.True(Convert.ToInt32(schedule["target.retryPolicy.maximumRetryAttempts"] ?? 0, null) > 0, schedule.Key);
            Assert.NotNull(schedule["target.deadLetterConfig.arn"]);
        });

    public static void Every_function_has_its_own_role_and_log_group(StackSnapshot deployed)
    {
        var functions = deployed.OfType("aws:lambda/function:Function").ToList();
        Assert.Equal(functions.Count, functions.Select(function => function["role"]).Distinct().Count());
        Assert.Equal(functions.Count, functions.Select(function => function["loggingConfig.logGroup"]).Distinct().Count());
        Assert.All(functions, function => Assert.Equal(["arm64"], function.Texts("architectures")));
    }

    public static void TLS_1_2_is_the_minimum_everywhere(StackSnapshot deployed)
    {
        Assert.All(deployed.OfType("aws:lb/listener:Listener").Where(listener => listener["port"] is not null && Convert.ToInt32(listener["port"], null) == 443),
            listener => Assert.StartsWith("ELBSecurityPolicy-TLS13-", (string?)listener["sslPolicy"], StringComparison.Ordinal));
        Assert.All(deployed.OfType("aws:apigatewayv2/domainName:DomainName"), domain => Assert.Equal("TLS_1_2", domain["domainNameConfiguration.securityPolicy"]));
        Assert.All(deployed.OfType("aws:cloudfront/distribution:Distribution"), distribution =>
        {
            Assert.StartsWith("TLSv1.", (string?)distribution["viewerCertificate.minimumProtocolVersion"], StringComparison.Ordinal);
            Assert.NotEqual("allow-all", distribution["defaultCacheBehavior.viewerProtocolPolicy"]);
            Assert.Equal(["TLSv1.2"], distribution.Texts("origins.0.customOriginConfig.originSslProtocols"));
        });
        Assert.All(deployed.OfType("aws:rds/proxy:Proxy"), proxy => Assert.True(proxy["requireTls"] is true, proxy.Key));
    }
}
