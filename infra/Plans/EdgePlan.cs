namespace ControlPlane.Infra.Plans;

/// <summary>Names, certificates, load balancer and content delivery.</summary>
public sealed record EdgePlan
{
    /// <summary>"1.2" or "1.3". Either way TLS 1.3 is used with everyone who speaks it.</summary>
    public required string OldestTls { get; init; }

    // Of the policies with 1.2 the one without CBC, as CloudFront's.
    public string LoadBalancerPolicy => OldestTls == "1.3" ? "ELBSecurityPolicy-TLS13-1-3-2021-06" : "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";
    public string CloudFrontPolicy => OldestTls == "1.3" ? "TLSv1.3_2025" : "TLSv1.2_2025";

    /// <summary>Requests in five minutes from one address, before it is refused. Tenants' gateways are not counted: they share addresses.</summary>
    public required int RequestsPerAddress { get; init; }

    public string PriceClass { get; init; } = "PriceClass_100";

    /// <summary>Ports of the ingress controller's pods.</summary>
    public int IngressHttpPort { get; init; } = 8000;

    public int IngressHttpsPort { get; init; } = 8443;
    public int IngressHealthPort { get; init; } = 8080;

    public static EdgePlan Read(Settings settings) => new()
    {
        OldestTls = settings.OneOf("edge:oldestTls", ["1.2", "1.3"], "1.2", "Oldest TLS version that browsers and clients may use."),
        RequestsPerAddress = settings.Number("edge:requestsPerAddress", 2_000, 100, 1_000_000, "Most requests from one address in five minutes."),
    };
}
