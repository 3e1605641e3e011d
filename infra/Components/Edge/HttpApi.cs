using System.Text.Json;
using ControlPlane.Web.Usage;
using Pulumi.Aws.ApiGatewayV2;
using Pulumi.Aws.ApiGatewayV2.Inputs;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Route53;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>
/// API Gateway in front of the functions: routes of tenants' gateways go to usage and authorize, all others to api. Its default endpoint is disabled; it is
/// reached by a name below origin.{domain} that both regions share, and by a regional one for the health check. They are random, because API Gateway throttles
/// all clients together before a function can reject any. Only CloudFront sends the origin token; the functions reject requests without it (docs/decisions/0008).
/// </summary>
public sealed class HttpApi : ComponentResource
{
    const string OriginHost = "origin";

    public Api Api { get; }

    /// <summary>The origin of CloudFront, shared by both regions.</summary>
    public Output<string> SharedName { get; }

    /// <summary>Whether this region is available; <c>null</c> in a standby.</summary>
    public HealthCheck? Health { get; }

    readonly string _name;

    public HttpApi(string name, Plan plan, Functions functions, DnsZone zone, Output<string> label, Keys keys, ComponentResourceOptions? options = null)
        : base("controlplane:edge:HttpApi", name, options)
    {
        _name = name;
        var childOptions = new CustomResourceOptions { Parent = this };
        Api = new Api(name, new ApiArgs { ProtocolType = "HTTP", Description = "Portal and API", DisableExecuteApiEndpoint = true }, childOptions);
        var defaultRoute = CreateRoute("$default", Integrate("api", functions.Api));
        var (usage, authorize) = (Integrate("usage", functions.Usage), Integrate("authorize", functions.Authorize));
        var gatewayRoutes = GatewayRoutes.All.Select(route => CreateRoute(route, route == GatewayRoutes.Authorize ? authorize : usage)).ToArray();
        var stage = CreateStage(plan.Functions, keys, [defaultRoute, .. gatewayRoutes]);

        // A wildcard, because the names in certificates are public.
        var names = zone.FullName($"*.{OriginHost}");
        var certificate = new TlsCertificate($"{name}-certificate", zone, [names], shared: [names], options: new ComponentResourceOptions { Parent = this });
        SharedName = Output.Format($"{label}.{zone.FullName(OriginHost)}");
        var regionalName = Output.Format($"{label}-{plan.Region}.{zone.FullName(OriginHost)}");
        var (shared, own) = (CreateDomain(OriginHost, SharedName, certificate, stage), CreateDomain("regional", regionalName, certificate, stage));
        zone.AddAlias($"{plan.Region}-{OriginHost}", "A", own.Apply(target => target.TargetDomainName!), own.Apply(target => target.HostedZoneId!), regionalName);
        if (plan.Role == StackRole.Primary)
        {
            Health = new HealthCheck(name, new HealthCheckArgs
            {
                Type = "HTTPS",
                Fqdn = regionalName,
                Port = 443,
                ResourcePath = "/readyz",
                RequestInterval = 30,
                FailureThreshold = 3,
                EnableSni = true,
            }, childOptions);
        }

        zone.AddFailoverAlias(plan.Role, OriginHost, shared.Apply(target => target.TargetDomainName!), shared.Apply(target => target.HostedZoneId!), Health?.Id, SharedName);
        RegisterOutputs();
    }

    Integration Integrate(string label, ControlFunction function)
    {
        function.AllowInvocation($"{_name}-{label}", "apigateway.amazonaws.com", Output.Format($"{Api.ExecutionArn}/*/*"));
        return new Integration($"{_name}-{label}", new IntegrationArgs
        {
            ApiId = Api.Id,
            IntegrationType = "AWS_PROXY",
            IntegrationUri = function.Live.InvokeArn,
            PayloadFormatVersion = "2.0",
            TimeoutMilliseconds = 30_000,
        }, new CustomResourceOptions { Parent = this });
    }

    Route CreateRoute(string routeKey, Integration target) => new($"{_name}-{routeKey.Split('/')[^1].TrimStart('$')}", new RouteArgs
    {
        ApiId = Api.Id,
        RouteKey = routeKey,
        Target = Output.Format($"integrations/{target.Id}"),
        AuthorizationType = "NONE",
    }, new CustomResourceOptions { Parent = this });

    Stage CreateStage(FunctionsPlan plan, Keys keys, Route[] routes)
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
                // Without the query string, which may contain the token of a verification link.
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

    Output<Pulumi.Aws.ApiGatewayV2.Outputs.DomainNameDomainNameConfiguration> CreateDomain(string label, Output<string> host, TlsCertificate certificate, Stage stage)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var domain = new DomainName($"{_name}-{label}", new DomainNameArgs
        {
            Domain = host,
            DomainNameConfiguration = new DomainNameDomainNameConfigurationArgs { CertificateArn = certificate.Arn, EndpointType = "REGIONAL", SecurityPolicy = "TLS_1_2" },
        }, childOptions);
        _ = new ApiMapping($"{_name}-{label}", new ApiMappingArgs { ApiId = Api.Id, DomainName = domain.Id, Stage = stage.Id }, childOptions);
        return domain.DomainNameConfiguration;
    }
}
