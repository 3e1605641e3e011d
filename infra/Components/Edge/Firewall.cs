using ControlPlane.Web.Usage;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.WafV2;
using Pulumi.Aws.WafV2.Inputs;
using WebAclRuleArgs = Pulumi.Aws.WafV2.Inputs.WebAclRuleArgs;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>The AWS WAF web ACL of CloudFront. AWS requires it and its logs to be in us-east-1.</summary>
public sealed class Firewall : ComponentResource
{
    public const string Region = "us-east-1";

    const string Scope = "CLOUDFRONT";

    /// <summary>Paths that tenants' gateways call: signed requests, many and large, from few addresses.</summary>
    static readonly string GatewayPathPattern = $"^({string.Join('|', GatewayRoutes.All.Select(route => route.Split(' ')[1]))})$";

    // Gateways report text of models and users, such as http://10.0.0.5:11434, HTML or SQL, in JSON that is never rendered or executed. Rules that inspect
    // content would block it as an attack, and the gateway would retry the batch for ever: usage that is never billed.
    static readonly (string Name, string[] CountOnly, bool IncludesGateways)[] ManagedGroups =
    [
        ("AWSManagedRulesAmazonIpReputationList", [], true),
        // The application limits the size of bodies itself.
        ("AWSManagedRulesCommonRuleSet", ["SizeRestrictions_BODY"], false),
        ("AWSManagedRulesKnownBadInputsRuleSet", [], false),
        ("AWSManagedRulesSQLiRuleSet", [], false),
    ];

    public WebAcl Acl { get; }

    /// <param name="ownAddresses">From which the environments of this stack call.</param>
    public Firewall(string name, EdgePlan plan, int logDays, StackInfo stack, InputList<string> ownAddresses, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Firewall", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var own = new IpSet(name, new IpSetArgs
        {
            Region = Region,
            Scope = Scope,
            IpAddressVersion = "IPV4",
            Addresses = ownAddresses.Apply(addresses => addresses.Select(address => $"{address}/32")),
        }, childOptions);
        Acl = new WebAcl(name, new WebAclArgs
        {
            Region = Region,
            Scope = Scope,
            Description = "Portal and API",
            DefaultAction = new WebAclDefaultActionArgs { Allow = new WebAclDefaultActionAllowArgs() },
            Rules = [.. ManagedGroups.Select((group, i) => ManagedRule(group.Name, group.CountOnly, group.IncludesGateways, i + 1)), RateLimit(plan), GatewayRateLimit(plan, own)],
            VisibilityConfig = new WebAclVisibilityConfigArgs { CloudwatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = name },
        }, childOptions);

        var key = Keys.Create(name, "firewall logs", stack, this, Region, Keys.LogEncryption(Region, stack));
        // WAF writes only to log groups with this prefix.
        var log = new LogGroup(name, new LogGroupArgs { Region = Region, Name = $"aws-waf-logs-{stack.PhysicalName(name)}", RetentionInDays = logDays, KmsKeyId = key.Arn }, childOptions);
        _ = new WebAclLoggingConfiguration(name, new WebAclLoggingConfigurationArgs
        {
            Region = Region,
            ResourceArn = Acl.Arn,
            LogDestinationConfigs = { log.Arn },
            RedactedFields = [RedactedHeader("authorization"), RedactedHeader("cookie"), new WebAclLoggingConfigurationRedactedFieldArgs { QueryString = new WebAclLoggingConfigurationRedactedFieldQueryStringArgs() }],
        }, childOptions);
        RegisterOutputs();
    }

    static WebAclRuleArgs ManagedRule(string group, string[] countOnly, bool includesGateways, int priority)
    {
        var rules = new WebAclRuleStatementManagedRuleGroupStatementArgs
        {
            VendorName = "AWS",
            Name = group,
            RuleActionOverrides = [.. countOnly.Select(rule => new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs
            {
                Name = rule,
                ActionToUse = new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs
                {
                    Count = new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs(),
                },
            })],
        };
        if (!includesGateways)
        {
            rules.ScopeDownStatement = NotGatewayPaths();
        }

        return new()
        {
            Name = group,
            Priority = priority,
            OverrideAction = new WebAclRuleOverrideActionArgs { None = new WebAclRuleOverrideActionNoneArgs() },
            Statement = new WebAclRuleStatementArgs { ManagedRuleGroupStatement = rules },
            VisibilityConfig = MetricFor(group),
        };
    }

    // The same statement as GatewayPaths: the provider has a separate type for every position.
    static WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementArgs NotGatewayPaths() => new()
    {
        NotStatement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementNotStatementArgs
        {
            Statement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementArgs
            {
                RegexMatchStatement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementRegexMatchStatementArgs
                {
                    RegexString = GatewayPathPattern,
                    FieldToMatch = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementRegexMatchStatementFieldToMatchArgs
                    {
                        UriPath = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementRegexMatchStatementFieldToMatchUriPathArgs(),
                    },
                    TextTransformations =
                    {
                        new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementRegexMatchStatementTextTransformationArgs { Priority = 0, Type = "NONE" },
                    },
                },
            },
        },
    };

    static WebAclRuleArgs RateLimit(EdgePlan plan) => RateLimit(
        "requests-per-address", ManagedGroups.Length + 1, plan.RequestsPerAddress, new WebAclRuleStatementRateBasedStatementScopeDownStatementArgs
        {
            NotStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementNotStatementArgs { Statement = GatewayPaths() },
        });

    // API Gateway throttles all clients of a route together: one address must not use that up with invented keys.
    static WebAclRuleArgs GatewayRateLimit(EdgePlan plan, IpSet own) => RateLimit(
        "gateway-requests-per-address", ManagedGroups.Length + 2, plan.GatewayRequestsPerAddress, new WebAclRuleStatementRateBasedStatementScopeDownStatementArgs
        {
            AndStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementAndStatementArgs
            {
                Statements =
                {
                    GatewayPaths(),
                    new WebAclRuleStatementRateBasedStatementScopeDownStatementArgs
                    {
                        NotStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementNotStatementArgs
                        {
                            Statement = new WebAclRuleStatementRateBasedStatementScopeDownStatementArgs
                            {
                                IpSetReferenceStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementIpSetReferenceStatementArgs { Arn = own.Arn },
                            },
                        },
                    },
                },
            },
        });

    static WebAclRuleArgs RateLimit(string name, int priority, int limit, WebAclRuleStatementRateBasedStatementScopeDownStatementArgs requests) => new()
    {
        Name = name,
        Priority = priority,
        Action = new WebAclRuleActionArgs { Block = new WebAclRuleActionBlockArgs() },
        Statement = new WebAclRuleStatementArgs
        {
            RateBasedStatement = new WebAclRuleStatementRateBasedStatementArgs
            {
                AggregateKeyType = "IP",
                EvaluationWindowSec = 300,
                Limit = limit,
                ScopeDownStatement = requests,
            },
        },
        VisibilityConfig = MetricFor(name),
    };

    static WebAclRuleStatementRateBasedStatementScopeDownStatementArgs GatewayPaths() => new()
    {
        RegexMatchStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementRegexMatchStatementArgs
        {
            RegexString = GatewayPathPattern,
            FieldToMatch = new WebAclRuleStatementRateBasedStatementScopeDownStatementRegexMatchStatementFieldToMatchArgs
            {
                UriPath = new WebAclRuleStatementRateBasedStatementScopeDownStatementRegexMatchStatementFieldToMatchUriPathArgs(),
            },
            TextTransformations =
            {
                new WebAclRuleStatementRateBasedStatementScopeDownStatementRegexMatchStatementTextTransformationArgs { Priority = 0, Type = "NONE" },
            },
        },
    };

    static WebAclRuleVisibilityConfigArgs MetricFor(string metric) => new() { CloudwatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = metric };

    static WebAclLoggingConfigurationRedactedFieldArgs RedactedHeader(string header) =>
        new() { SingleHeader = new WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs { Name = header } };
}
