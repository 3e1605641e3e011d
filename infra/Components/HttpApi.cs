using System.Text.Json;
using ControlPlane.Web.Usage;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.ApiGatewayV2;
using Pulumi.Aws.ApiGatewayV2.Inputs;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Route53;

namespace ControlPlane.Infra.Components;

/// <summary>
/// API Gateway before the functions: what tenants' gateways call goes to usage, all else to api. It has no address of its own, only
/// origin.{domain}, which both regions share, and a regional one for the health check. CloudFront is the only caller that has the origin's token;
/// the functions refuse everyone else (docs/decisions).
/// </summary>
public sealed class HttpApi : ComponentResource
{
    /// <summary>For both regions; what CloudFront calls.</summary>
    public const string OriginHost = "origin";

    public Api Api { get; }

    /// <summary>Says whether this region serves; only the primary has one.</summary>
    public HealthCheck? Health { get; }

    readonly string _name;

    public HttpApi(string name, Plan plan, Functions functions, DnsZone zone, Keys keys, ComponentResourceOptions? options = null)
        : base("controlplane:edge:HttpApi", name, options)
    {
        _name = name;
        var inside = new CustomResourceOptions { Parent = this };
        Api = new Api(name, new ApiArgs { ProtocolType = "HTTP", Description = "Portal and API", DisableExecuteApiEndpoint = true }, inside);
        var everything = Route("$default", Integrate("api", functions.Api));
        var usage = Integrate("usage", functions.Usage);
        var gateway = GatewayRoutes.All.Select(route => Route(route, usage)).ToArray();
        var stage = Stage(plan.Functions, keys, [everything, .. gateway]);

        var regional = $"{plan.Region}-{OriginHost}";
        var certificate = new TlsCertificate($"{name}-certificate", zone, [zone.Full(OriginHost), zone.Full(regional)], shared: [zone.Full(OriginHost)], options: new ComponentResourceOptions { Parent = this });
        var (shared, own) = (Domain(OriginHost, zone, certificate, stage), Domain("regional", zone, certificate, stage, regional));
        zone.PointToAlias(regional, "A", own.Apply(target => target.TargetDomainName!), own.Apply(target => target.HostedZoneId!));
        if (plan.Role == StackRole.Primary)
        {
            Health = new HealthCheck(name, new HealthCheckArgs
            {
                Type = "HTTPS",
                Fqdn = zone.Full(regional),
                Port = 443,
                ResourcePath = "/readyz",
                RequestInterval = 30,
                FailureThreshold = 3,
                EnableSni = true,
            }, inside);
        }

        zone.PointToAliasOf(plan.Role, OriginHost, shared.Apply(target => target.TargetDomainName!), shared.Apply(target => target.HostedZoneId!), Health?.Id);
        RegisterOutputs();
    }

    Integration Integrate(string what, ControlFunction function)
    {
        function.CallableBy($"{_name}-{what}", "apigateway.amazonaws.com", Output.Format($"{Api.ExecutionArn}/*/*"));
        return new Integration($"{_name}-{what}", new IntegrationArgs
        {
            ApiId = Api.Id,
            IntegrationType = "AWS_PROXY",
            IntegrationUri = function.Live.InvokeArn,
            PayloadFormatVersion = "2.0",
            TimeoutMilliseconds = 30_000,
        }, new CustomResourceOptions { Parent = this });
    }

    Route Route(string route, Integration to) => new($"{_name}-{route.Split('/')[^1].TrimStart('$')}", new RouteArgs
    {
        ApiId = Api.Id,
        RouteKey = route,
        Target = Output.Format($"integrations/{to.Id}"),
        AuthorizationType = "NONE",
    }, new CustomResourceOptions { Parent = this });

    Stage Stage(FunctionsPlan plan, Keys keys, Route[] routes)
    {
        var log = new LogGroup(_name, new LogGroupArgs { RetentionInDays = plan.LogDays, KmsKeyId = keys.Logs.Arn }, new CustomResourceOptions { Parent = this });
        return new Stage(_name, new StageArgs
        {
            ApiId = Api.Id,
            Name = "$default",
            AutoDeploy = true,
            DefaultRouteSettings = new StageDefaultRouteSettingsArgs
            {
                DetailedMetricsEnabled = true,
                ThrottlingRateLimit = plan.RequestsPerSecond,
                ThrottlingBurstLimit = 2 * plan.RequestsPerSecond,
            },
            RouteSettings = [.. GatewayRoutes.All.Select(route => new StageRouteSettingArgs
            {
                RouteKey = route, DetailedMetricsEnabled = true, ThrottlingRateLimit = plan.GatewayRequestsPerSecond, ThrottlingBurstLimit = 2 * plan.GatewayRequestsPerSecond,
            })],
            AccessLogSettings = new StageAccessLogSettingsArgs
            {
                DestinationArn = log.Arn,
                // The path has no secrets; the query may: a verification link's token.
                Format = JsonSerializer.Serialize(new
                {
                    requestId = "$context.requestId",
                    time = "$context.requestTime",
                    address = "$context.identity.sourceIp",
                    route = "$context.routeKey",
                    path = "$context.path",
                    status = "$context.status",
                    milliseconds = "$context.responseLatency",
                    bytes = "$context.responseLength",
                    error = "$context.error.message",
                    integration = "$context.integrationErrorMessage",
                }),
            },
        }, new CustomResourceOptions { Parent = this, DependsOn = [.. routes] });
    }

    Output<Pulumi.Aws.ApiGatewayV2.Outputs.DomainNameDomainNameConfiguration> Domain(string what, DnsZone zone, TlsCertificate certificate, Stage stage, string? host = null)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var domain = new DomainName($"{_name}-{what}", new DomainNameArgs
        {
            Domain = zone.Full(host ?? what),
            DomainNameConfiguration = new DomainNameDomainNameConfigurationArgs { CertificateArn = certificate.Arn, EndpointType = "REGIONAL", SecurityPolicy = "TLS_1_2" },
        }, inside);
        _ = new ApiMapping($"{_name}-{what}", new ApiMappingArgs { ApiId = Api.Id, DomainName = domain.Id, Stage = stage.Id }, inside);
        return domain.DomainNameConfiguration;
    }
}
