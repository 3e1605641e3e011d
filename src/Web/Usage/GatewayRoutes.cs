namespace ControlPlane.Web.Usage;

/// <summary>
/// What tenants' gateways call for every chat. Where the application is split, one function serves these and another all else; the
/// infrastructure that tells them apart reads this list, and a test compares it with the routes.
/// </summary>
public static class GatewayRoutes
{
    /// <summary>Method and path.</summary>
    public static IReadOnlyList<string> All { get; } = ["POST /v1/usage", "POST /v1/usage/litellm", "POST /v1/authorize"];
}
