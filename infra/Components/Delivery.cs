using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudFront;
using Pulumi.Aws.CloudFront.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// CloudFront for the domain and its api: firewall, TLS near the user, and the portal's static content from the nearest edge. It is global and
/// belongs to the primary; its origin's name fails over to the standby by itself.
/// </summary>
public sealed class Delivery : ComponentResource
{
    /// <summary>The functions compare it with the origin's secret.</summary>
    public const string TokenHeader = "X-Origin-Token";

    const string Origin = "http-api";

    // AWS' own policies, by their ids, which are the same everywhere.
    const string CachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
    const string AllViewerExceptHostHeader = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

    public Distribution Distribution { get; }

    public Delivery(string name, EdgePlan plan, DnsZone zone, Firewall firewall, Input<string> token, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Delivery", name, options)
    {
        string[] names = [zone.Full(""), zone.Full("api")];
        var certificate = new TlsCertificate($"{name}-certificate", zone, names, shared: [], Firewall.Region, new ComponentResourceOptions { Parent = this });
        Distribution = new Distribution(name, new DistributionArgs
        {
            Comment = "Portal and API",
            Enabled = true,
            IsIpv6Enabled = true,
            HttpVersion = "http2and3",
            PriceClass = plan.PriceClass,
            Aliases = [.. names],
            WebAclId = firewall.Acl.Arn,
            Origins =
            {
                new DistributionOriginArgs
                {
                    OriginId = Origin,
                    DomainName = zone.Full(HttpApi.OriginHost),
                    CustomHeaders = { new DistributionOriginCustomHeaderArgs { Name = TokenHeader, Value = token } },
                    CustomOriginConfig = new DistributionOriginCustomOriginConfigArgs
                    {
                        HttpPort = 80, HttpsPort = 443, OriginProtocolPolicy = "https-only", OriginSslProtocols = { "TLSv1.2" }, OriginReadTimeout = 30,
                    },
                },
            },
            DefaultCacheBehavior = new DistributionDefaultCacheBehaviorArgs
            {
                TargetOriginId = Origin,
                ViewerProtocolPolicy = "redirect-to-https",
                AllowedMethods = { "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT" },
                CachedMethods = { "GET", "HEAD" },
                Compress = true,
                CachePolicyId = CachingDisabled,
                OriginRequestPolicyId = AllViewerExceptHostHeader,
            },
            OrderedCacheBehaviors =
            {
                // The pages' styles, scripts and images: the same for everyone.
                new DistributionOrderedCacheBehaviorArgs
                {
                    PathPattern = "/assets/*",
                    TargetOriginId = Origin,
                    ViewerProtocolPolicy = "redirect-to-https",
                    AllowedMethods = { "GET", "HEAD" },
                    CachedMethods = { "GET", "HEAD" },
                    Compress = true,
                    CachePolicyId = ForAMinute(name).Id,
                },
            },
            Restrictions = new DistributionRestrictionsArgs { GeoRestriction = new DistributionRestrictionsGeoRestrictionArgs { RestrictionType = "none" } },
            ViewerCertificate = new DistributionViewerCertificateArgs
            {
                AcmCertificateArn = certificate.Arn,
                SslSupportMethod = "sni-only",
                MinimumProtocolVersion = plan.CloudFrontPolicy,
            },
        }, new CustomResourceOptions { Parent = this });
        foreach (var host in (string[])["", "api"])
        {
            zone.PointToAlias(host, "A", Distribution.DomainName, Distribution.HostedZoneId);
            zone.PointToAlias(host, "AAAA", Distribution.DomainName, Distribution.HostedZoneId);
        }

        RegisterOutputs();
    }

    // Their names do not change with a release, so an edge asks again after a minute; the answer is mostly "not modified".
    CachePolicy ForAMinute(string name) => new(name, new CachePolicyArgs
    {
        Comment = "Static content, for a minute",
        MinTtl = 0,
        DefaultTtl = 60,
        MaxTtl = 86_400,
        ParametersInCacheKeyAndForwardedToOrigin = new CachePolicyParametersInCacheKeyAndForwardedToOriginArgs
        {
            EnableAcceptEncodingBrotli = true,
            EnableAcceptEncodingGzip = true,
            CookiesConfig = new CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs { CookieBehavior = "none" },
            HeadersConfig = new CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs { HeaderBehavior = "none" },
            QueryStringsConfig = new CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs { QueryStringBehavior = "none" },
        },
    }, new CustomResourceOptions { Parent = this });
}
