using ControlPlane.Web.Usage;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Kms;
using Pulumi.Aws.WafV2;
using Pulumi.Aws.WafV2.Inputs;
using WebAclRuleArgs = Pulumi.Aws.WafV2.Inputs.WebAclRuleArgs;

namespace ControlPlane.Infra.Components;

/// <summary>The web application firewall in front of CloudFront. AWS keeps those in us-east-1, and their logs too.</summary>
public sealed class Firewall : ComponentResource
{
    public const string Region = "us-east-1";

    /// <summary>Tenants' gateways: signed calls from few addresses, many and large.</summary>
    static readonly string s_gatewayPaths = $"^({string.Join('|', GatewayRoutes.All.Select(route => route.Split(' ')[1]))})$";

    // What gateways report is text of models and their users, in JSON that nothing renders or runs: addresses as http://10.0.0.5:11434, tags, SQL. Rules that
    // guess from a text whether somebody attacks would answer it 403, and the gateway would try the same batch for ever: usage that nobody is billed for.
    static readonly (string Name, string[] OnlyCount, bool OfGatewaysToo)[] s_managed =
    [
        ("AWSManagedRulesAmazonIpReputationList", [], true),
        // The application has limits of its own.
        ("AWSManagedRulesCommonRuleSet", ["SizeRestrictions_BODY"], false),
        ("AWSManagedRulesKnownBadInputsRuleSet", [], false),
        ("AWSManagedRulesSQLiRuleSet", [], false),
    ];

    public WebAcl Acl { get; }

    public Firewall(string name, EdgePlan plan, int logDays, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Firewall", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Acl = new WebAcl(name, new WebAclArgs
        {
            Region = Region,
            Scope = "CLOUDFRONT",
            Description = "Portal and API",
            DefaultAction = new WebAclDefaultActionArgs { Allow = new WebAclDefaultActionAllowArgs() },
            Rules = [.. s_managed.Select((group, i) => Managed(group.Name, group.OnlyCount, group.OfGatewaysToo, i + 1)), PerAddress(plan)],
            VisibilityConfig = new WebAclVisibilityConfigArgs { CloudwatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = name },
        }, inside);

        var key = new Key(name, new KeyArgs
        {
            Region = Region,
            Description = $"{stack.Project} {stack.Name}: logs of the firewall",
            EnableKeyRotation = true,
            DeletionWindowInDays = 30,
            Policy = Policy.Document(Keys.AccountAdministers(stack), Keys.ForLogsIn(Region, stack)),
        }, inside);

        // WAF writes only to groups of this prefix.
        var log = new LogGroup(name, new LogGroupArgs { Region = Region, Name = $"aws-waf-logs-{stack.Named(name)}", RetentionInDays = logDays, KmsKeyId = key.Arn }, inside);
        _ = new WebAclLoggingConfiguration(name, new WebAclLoggingConfigurationArgs
        {
            Region = Region,
            ResourceArn = Acl.Arn,
            LogDestinationConfigs = { log.Arn },
            RedactedFields = [Header("authorization"), Header("cookie"), new WebAclLoggingConfigurationRedactedFieldArgs { QueryString = new WebAclLoggingConfigurationRedactedFieldQueryStringArgs() }],
        }, inside);
        RegisterOutputs();
    }

    static WebAclRuleArgs Managed(string group, string[] onlyCount, bool ofGatewaysToo, int priority)
    {
        var rules = new WebAclRuleStatementManagedRuleGroupStatementArgs
        {
            VendorName = "AWS",
            Name = group,
            RuleActionOverrides = [.. onlyCount.Select(rule => new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs
            {
                Name = rule,
                ActionToUse = new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs
                {
                    Count = new WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs(),
                },
            })],
        };
        if (!ofGatewaysToo)
        {
            rules.ScopeDownStatement = NotOfGateways();
        }

        return new()
        {
            Name = group,
            Priority = priority,
            OverrideAction = new WebAclRuleOverrideActionArgs { None = new WebAclRuleOverrideActionNoneArgs() },
            Statement = new WebAclRuleStatementArgs { ManagedRuleGroupStatement = rules },
            VisibilityConfig = Visible(group),
        };
    }

    // The same statement twice, because the provider has types of its own for every place.
    static WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementArgs NotOfGateways() => new()
    {
        NotStatement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementNotStatementArgs
        {
            Statement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementArgs
            {
                RegexMatchStatement = new WebAclRuleStatementManagedRuleGroupStatementScopeDownStatementRegexMatchStatementArgs
                {
                    RegexString = s_gatewayPaths,
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

    static WebAclRuleArgs PerAddress(EdgePlan plan) => new()
    {
        Name = "requests-per-address",
        Priority = s_managed.Length + 1,
        Action = new WebAclRuleActionArgs { Block = new WebAclRuleActionBlockArgs() },
        Statement = new WebAclRuleStatementArgs
        {
            RateBasedStatement = new WebAclRuleStatementRateBasedStatementArgs
            {
                AggregateKeyType = "IP",
                EvaluationWindowSec = 300,
                Limit = plan.RequestsPerAddress,
                ScopeDownStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementArgs
                {
                    NotStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementNotStatementArgs { Statement = FromGateways() },
                },
            },
        },
        VisibilityConfig = Visible("requests-per-address"),
    };

    static WebAclRuleStatementRateBasedStatementScopeDownStatementArgs FromGateways() => new()
    {
        RegexMatchStatement = new WebAclRuleStatementRateBasedStatementScopeDownStatementRegexMatchStatementArgs
        {
            RegexString = s_gatewayPaths,
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

    static WebAclRuleVisibilityConfigArgs Visible(string metric) => new() { CloudwatchMetricsEnabled = true, SampledRequestsEnabled = true, MetricName = metric };

    static WebAclLoggingConfigurationRedactedFieldArgs Header(string header) =>
        new() { SingleHeader = new WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs { Name = header } };
}
