namespace ControlPlane.Infra.Plans;

/// <summary>TLS policies, rate limits and content delivery.</summary>
public sealed record EdgePlan
{
    /// <summary>"1.2" or "1.3". TLS 1.3 is always preferred.</summary>
    public required string OldestTls { get; init; }

    // The policies with TLS 1.2 exclude CBC ciphers.
    public string LoadBalancerPolicy => OldestTls == "1.3" ? "ELBSecurityPolicy-TLS13-1-3-2021-06" : "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";
    public string CloudFrontPolicy => OldestTls == "1.3" ? "TLSv1.3_2025" : "TLSv1.2_2025";

    /// <summary>Requests per client address in five minutes before it is blocked. Requests to the paths of tenants' gateways do not count.</summary>
    public required int RequestsPerAddress { get; init; }

    /// <summary>Requests to the paths of tenants' gateways per client address in five minutes before it is blocked. Gateways may share an address, and API
    /// Gateway's limit is one for all clients. The addresses of the network itself are exempt.</summary>
    public required int GatewayRequestsPerAddress { get; init; }

    public string PriceClass { get; init; } = "PriceClass_100";

    /// <summary>Port of the ingress controller's pods.</summary>
    public int IngressHttpPort { get; init; } = 8000;

    public int IngressHttpsPort { get; init; } = 8443;
    public int IngressHealthPort { get; init; } = 8080;

    public static EdgePlan Read(Settings settings) => new()
    {
        OldestTls = settings.OneOf("edge:oldestTls", ["1.2", "1.3"], "1.2", "Minimum TLS version of browsers and API clients."),
        RequestsPerAddress = settings.Number("edge:requestsPerAddress", 2_000, 100, 1_000_000, "Maximum number of requests per client address in five minutes."),
        GatewayRequestsPerAddress = settings.Number("edge:gatewayRequestsPerAddress", 30_000, 1_000, 10_000_000,
            "Maximum number of usage reports and authorizations per client address in five minutes."),
    };
}
