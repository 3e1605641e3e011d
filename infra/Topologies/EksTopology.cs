using ControlPlane.Infra.Components;
using ControlPlane.Infra.Cost;
using Pulumi;

namespace ControlPlane.Infra.Topologies;

/// <summary>
/// Three availability zones: the network first, then what stands in it, in the order of their dependencies. A standby is built from the same
/// parts; it follows the primary's data instead of having its own, and leaves to the primary what there is once: CloudFront, audit, backups, budget.
/// </summary>
public sealed class EksTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public EksTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Eks", name, options)
    {
        var inside = new ComponentResourceOptions { Parent = this };
        var primary = plan.Standby.PrimaryStack is { } primaryStack ? new Primary("primary", primaryStack, plan.Region, inside) : null;
        // A standby stands in for its primary's region: the tenants it takes over keep the name of the region they belong to.
        var tenantRegion = primary?.Text("tenantRegion") ?? Output.Create(plan.Region);
        var keys = new Keys("keys", stack, inside);
        var network = new Network("network", plan.Network, stack, inside);
        _ = new PrivateAccess("private-access", plan.Network, network, stack, inside);
        _ = new FlowLogs("flow-logs", plan.Network, network.Vpc, keys, stack, inside);

        var cluster = new Cluster("cluster", plan.Cluster, network, keys, stack, inside);
        var addOns = new AddOns("add-ons", plan.Cluster, cluster, stack, inside);
        var cpuNodes = new CpuNodes("cpu-nodes", plan.Cluster.Cpu, cluster, network, addOns, stack, inside);
        addOns.InstallRest(cpuNodes.Group);
        var gpuNodes = new GpuNodes("gpu-nodes", plan.Cluster, cluster, network, addOns, stack, inside);
        var termination = new NodeTermination("node-termination", cluster, gpuNodes, inside);
        _ = new ClusterAutoscaler("cluster-autoscaler", cluster, stack, inside);

        var second = plan.Standby.Region is { } region ? new SecondRegion("second-region", region, plan.Data, stack, inside) : null;
        var secrets = new Secrets("secrets", plan, keys, second, primary, stack, inside);
        var database = new Components.Database("database", plan.Data, network, keys, secrets.OwnerPassword, primary, plan.Waits, stack, inside);
        database.Doors.LetIn("cluster", Components.Database.Port, cluster.SecurityGroupId);
        var databaseAccess = new DatabaseAccess("database-access", database, network, direct: plan.Waits, standby: primary is not null, stack, inside);
        var files = new ModelFiles("model-files", plan.Data, plan.Network.Zones, network, cluster, keys, second, primary, stack, inside);
        var cache = new Cache("cache", plan.Data, network, cluster, keys, secrets.CacheToken, stack, inside);
        var zone = new DnsZone("dns", plan.Domain, plan.ZoneId, inside, ofPrimary: primary?.Text("zoneId"));
        var mail = new MailSender("mail", plan.Domain, zone, first: primary is null, keys, stack, inside);

        var queues = new Queues("queues", plan.Functions, inside);
        var functions = new Functions("functions", plan, network, keys, new FunctionMeans(tenantRegion, database, databaseAccess, secrets, cluster, files, cache, queues, mail, second), stack, inside);
        _ = new Schedules("schedules", functions, queues, on: !plan.Waits, stack, inside);
        var api = new HttpApi("http-api", plan, functions, zone, keys, inside);
        var ingress = new Ingress("ingress", plan, network, cluster, zone, api.Health?.Id, stack, inside);

        var alerts = new Alerts("alerts", plan.Observability, keys, stack, inside);
        _ = new ClusterLogs("cluster-logs", stack.ClusterName, plan.Observability, keys, inside);
        var watched = new Watched(stack.ClusterName, gpuNodes, cpuNodes, database, databaseAccess, cache, api, functions, new Dictionary<string, Pulumi.Aws.Sqs.Queue>
        {
            ["provision"] = queues.Provision.DeadLetters,
            ["overflow"] = queues.Overflow.DeadLetters,
            ["failed"] = queues.Failed,
            ["node-news"] = termination.News.DeadLetters,
        }, primary is null ? Backups.VaultName("backups", stack) : null);
        var alarms = new Alarms("alarms", plan, watched, alerts, inside);
        var dashboards = new Dashboards("dashboards", watched, alarms, stack, inside);
        var metrics = new Metrics("metrics", plan.Observability, cluster, keys, stack, inside);

        Outputs = new Dictionary<string, object?>
        {
            ["region"] = plan.Region,
            ["tenantRegion"] = tenantRegion,
            ["portalUrl"] = $"https://{plan.Domain}",
            ["apiUrl"] = $"https://api.{plan.Domain}",
            ["vpcId"] = network.Vpc.Id,
            ["clusterName"] = cluster.Eks.Name,
            ["clusterEndpoint"] = cluster.Eks.Endpoint,
            ["kubeconfigCommand"] = Output.Format($"aws eks update-kubeconfig --region {plan.Region} --name {cluster.Eks.Name}"),
            ["gpuGroupName"] = gpuNodes.Group.Name,
            ["nodeTerminationQueueUrl"] = termination.News.Queue.Url,
            ["ingressHttpsTargetGroupArn"] = ingress.Https.Arn,
            ["ingressHttpTargetGroupArn"] = ingress.Http.Arn,
            ["databaseHost"] = database.Instance.Address,
            ["functionsDatabaseHost"] = databaseAccess.Host,
            ["databaseArn"] = database.Instance.Arn,
            ["modelFilesId"] = files.Id,
            ["modelFilesSharedAccessPointId"] = files.Shared.Id,
            ["tenantAccessPoint"] = Output.Create(plan.Data.AccessPoint.ForTenants()),
            ["cacheEndpoint"] = cache.Group.PrimaryEndpointAddress,
            ["cacheToken"] = secrets.CacheToken,
            ["platformSecretArn"] = secrets.Platform,
            ["originSecretArn"] = secrets.Origin,
            ["ownerSecretArn"] = secrets.Owner,
            ["cacheSecretArn"] = secrets.Cache,
            ["provisionQueueUrl"] = queues.Provision.Queue.Url,
            ["overflowQueueUrl"] = queues.Overflow.Queue.Url,
            ["zoneId"] = zone.Id.ToOutput(),
            ["nameServers"] = zone.NameServers,
            ["prometheusEndpoint"] = metrics.Workspace.PrometheusEndpoint,
            ["monthlyCost"] = CostPage.Summary(plan),
            ["dashboard"] = dashboards.Overview.DashboardName,
            ["alertTopicArn"] = alerts.Critical.Arn,
        };
        if (primary is null)
        {
            OnlyPrimary(plan, stack, keys, second, database, files, secrets, zone, api, alerts, inside);
        }

        RegisterOutputs();
    }

    void OnlyPrimary(
        Plan plan, StackInfo stack, Keys keys, SecondRegion? second, Components.Database database, ModelFiles files, Secrets secrets, DnsZone zone, HttpApi api, Alerts alerts,
        ComponentResourceOptions inside)
    {
        var models = new ModelVersions("model-versions", plan.Data, keys, second, stack, inside);
        var backups = new Backups("backups", plan.Data, keys, second, alerts, stack, [database.Instance.Arn, files.Arn, models.Store.Bucket.Arn], inside);
        var firewall = new Firewall("firewall", plan.Edge, plan.Observability.LogDays, stack, inside);
        var delivery = new Delivery("delivery", plan.Edge, zone, firewall, secrets.OriginToken, inside);
        var audit = new Audit("audit", plan.Observability, keys, models.Store, stack, inside);
        _ = new Spending("spending", plan.Observability, alerts, stack, inside);
        Outputs["modelsBucket"] = models.Store.Bucket.Id;
        Outputs["backupVault"] = backups.Vault.Name;
        Outputs["auditBucket"] = audit.Store.Bucket.Id;
        Outputs["distributionId"] = delivery.Distribution.Id;
        Outputs["healthCheckId"] = api.Health!.Id;
        if (second is not null)
        {
            Outputs["modelFilesCopyId"] = files.CopyId;
            Outputs["modelsCopyBucket"] = second.Models.Bucket.Id;
            Outputs["copiesKeyArn"] = second.Key.Arn;
        }
    }
}
