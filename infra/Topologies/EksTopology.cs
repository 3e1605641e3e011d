using ControlPlane.Infra.Cost;

namespace ControlPlane.Infra.Topologies;

/// <summary>
/// Three availability zones, components in the order of their dependencies. A standby consists of the same components, but replicates the primary's
/// data, and leaves singletons to the primary: CloudFront, audit, backups and budget.
/// </summary>
public sealed class EksTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public EksTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Eks", name, options)
    {
        var childOptions = new ComponentResourceOptions { Parent = this };
        var primary = plan.Standby.PrimaryStack is { } primaryStack ? new PrimaryStackReference("primary", primaryStack, plan.Region, childOptions) : null;
        // A standby serves its primary's region: tenants keep their region after a failover.
        var tenantRegion = primary?.GetOutput("tenantRegion") ?? Output.Create(plan.Region);
        var keys = new Keys("keys", stack, childOptions);
        var network = new VpcNetwork("network", plan.Network, stack, childOptions);
        _ = new PrivateAccess("private-access", plan.Network, network, stack, childOptions);
        _ = new FlowLogs("flow-logs", plan.Network, network.Vpc, keys, stack, childOptions);

        var cluster = new EksCluster("cluster", plan.Cluster, network, keys, stack, childOptions);
        var addOns = new AddOns("add-ons", plan.Cluster, cluster, stack, childOptions);
        var cpuNodes = new CpuNodes("cpu-nodes", plan.Cluster.Cpu, cluster, network, addOns, stack, childOptions);
        addOns.InstallRest(cpuNodes.Group);
        var gpuNodes = new GpuNodes("gpu-nodes", plan.Cluster, cluster, network, addOns, stack, childOptions);
        var termination = new NodeTermination("node-termination", cluster, gpuNodes, childOptions);
        _ = new ClusterAutoscaler("cluster-autoscaler", cluster, stack, childOptions);

        var second = plan.Standby.Region is { } region ? new SecondRegion("second-region", region, plan.Data, stack, childOptions) : null;
        var secrets = new Secrets("secrets", plan, keys, second, primary, stack, childOptions);
        var database = new PostgresDatabase("database", plan.Data, network, keys, secrets.OwnerPassword, primary, plan.IsPassive, stack, childOptions);
        var databaseAccess = new DatabaseAccess("database-access", plan.Data, database, network, isDirect: plan.IsPassive, isStandby: primary is not null, stack, childOptions);
        var files = new ModelFiles("model-files", plan.Data, plan.Network.Zones, network, cluster, keys, second, primary, stack, childOptions);
        var cache = new Cache("cache", plan.Data, network, cluster, keys, secrets.CacheToken, stack, childOptions);
        var zone = new DnsZone("dns", plan.Domain, plan.ZoneId, childOptions, primaryZoneId: primary?.GetOutput("zoneId"));
        var mail = new MailSender("mail", plan.Domain, zone, isPrimary: primary is null, keys, stack, childOptions);

        var queues = new Queues("queues", plan.Functions, childOptions);
        var functions = new Functions("functions", plan, network, keys,
            new FunctionDependencies(tenantRegion, database, databaseAccess, secrets, cluster, files, cache, queues, mail, second), stack, childOptions);
        _ = new Schedules("schedules", functions, queues, isEnabled: !plan.IsPassive, stack, childOptions);
        var api = new HttpApi("http-api", plan, functions, zone, secrets.OriginLabel, keys, childOptions);
        var ingress = new Ingress("ingress", plan, network, cluster, zone, api.Health?.Id, stack, childOptions);

        var alerts = new Alerts("alerts", plan.Observability, keys, stack, childOptions);
        _ = new ClusterLogs("cluster-logs", stack.ClusterName, plan.Observability, keys, childOptions);
        var monitored = new MonitoredComponents(stack.ClusterName, gpuNodes, cpuNodes, database, databaseAccess, cache, api, functions, new Dictionary<string, Pulumi.Aws.Sqs.Queue>
        {
            ["provision"] = queues.Provision.DeadLetters,
            ["overflow"] = queues.Overflow.DeadLetters,
            ["failed"] = queues.Failed,
            ["node-news"] = termination.Events.DeadLetters,
        }, primary is null ? Backups.VaultName("backups", stack) : null);
        var alarms = new Alarms("alarms", plan, monitored, alerts, childOptions);
        var dashboards = new Dashboards("dashboards", monitored, alarms, stack, childOptions);
        var metrics = new Metrics("metrics", plan.Observability, cluster, keys, stack, childOptions);

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
            ["nodeTerminationQueueUrl"] = termination.Events.Queue.Url,
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
            ["originLabel"] = secrets.OriginLabel,
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
            CreateSingletons(plan, stack, keys, second, database, files, secrets, zone, api, alerts, network, childOptions);
        }

        RegisterOutputs();
    }

    // One per platform, not per region.
    void CreateSingletons(
        Plan plan, StackInfo stack, Keys keys, SecondRegion? second, PostgresDatabase database, ModelFiles files, Secrets secrets, DnsZone zone, HttpApi api, Alerts alerts,
        VpcNetwork network, ComponentResourceOptions childOptions)
    {
        var models = new ModelVersions("model-versions", plan.Data, keys, second, stack, childOptions);
        var backups = new Backups("backups", plan.Data, keys, second, alerts, stack, [database.Instance.Arn, files.Arn, models.Store.Bucket.Arn], childOptions);
        var firewall = new Firewall("firewall", plan.Edge, plan.Observability.LogDays, stack, network.NatAddresses, childOptions);
        var delivery = new Delivery("delivery", plan.Edge, zone, firewall, api.SharedName, secrets.OriginToken, childOptions);
        var audit = new Audit("audit", plan.Observability, keys, models.Store, stack, childOptions);
        _ = new Spending("spending", plan.Observability, alerts, stack, childOptions);
        Outputs["modelsBucket"] = models.Store.Bucket.Id;
        Outputs["backupVault"] = backups.Vault.Name;
        Outputs["auditBucket"] = audit.Store.Bucket.Id;
        Outputs["distributionId"] = delivery.Distribution.Id;
        Outputs["healthCheckId"] = api.Health!.Id;
        if (second is not null)
        {
            Outputs["modelFilesCopyId"] = files.ReplicaId;
            Outputs["modelsCopyBucket"] = second.Models.Bucket.Id;
            Outputs["copiesKeyArn"] = second.Key.Arn;
        }
    }
}
