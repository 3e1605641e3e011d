using Pulumi.Aws.CloudFront;
using Pulumi.Aws.CloudFront.Inputs;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>
/// CloudFront for the domain and api.{domain}: the firewall, TLS close to the user, and cached static content of the portal. It is global and
/// part of the primary stack; the DNS name of its origin fails over to the standby automatically.
/// </summary>
public sealed class Delivery : ComponentResource
{
    /// <summary>The functions compare its value with the origin secret.</summary>
    public const string TokenHeader = "X-Origin-Token";

    const string Origin = "http-api";

    // Ids of AWS managed policies, which are the same in every account.
    const string CachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
    const string AllViewerExceptHostHeader = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

    public Distribution Distribution { get; }

    public Delivery(string name, EdgePlan plan, DnsZone zone, Firewall firewall, Output<string> originName, Input<string> token, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Delivery", name, options)
    {
        string[] names = [zone.FullName(""), zone.FullName("api")];
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
                    DomainName = originName,
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
                // Styles, scripts and images of the pages.
                new DistributionOrderedCacheBehaviorArgs
                {
                    PathPattern = "/assets/*",
                    TargetOriginId = Origin,
                    ViewerProtocolPolicy = "redirect-to-https",
                    AllowedMethods = { "GET", "HEAD" },
                    CachedMethods = { "GET", "HEAD" },
                    Compress = true,
                    CachePolicyId = CreateStaticContentPolicy(name).Id,
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
            zone.AddAlias(host, "A", Distribution.DomainName, Distribution.HostedZoneId);
            zone.AddAlias(host, "AAAA", Distribution.DomainName, Distribution.HostedZoneId);
        }

        RegisterOutputs();
    }

    // File names do not change with a release, so edges revalidate after a minute; the response is usually 304.
    CachePolicy CreateStaticContentPolicy(string name) => new(name, new CachePolicyArgs
    {
        Comment = "Static content, cached for one minute",
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
