namespace ControlPlane.Web.Usage;

/// <summary>
/// The routes tenants' gateways call for every chat. Where the application is split, one function serves these and another everything else.
/// The infrastructure reads this list to route between them, and a test compares it with the mapped routes.
/// </summary>
public static class GatewayRoutes
{
    /// <summary>Method and path.</summary>
    public static IReadOnlyList<string> All { get; } = ["POST /v1/usage", "POST /v1/usage/litellm", "POST /v1/authorize"];
}
