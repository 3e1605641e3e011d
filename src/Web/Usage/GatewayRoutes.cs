namespace ControlPlane.Web.Usage;

/// <summary>
/// The routes tenants' gateways call for every chat. Where the application is split, functions of their own serve these: one authorizations, one the others.
/// The infrastructure reads this list to route between them, and a test compares it with the mapped routes.
/// </summary>
public static class GatewayRoutes
{
    public const string Authorize = "POST /v1/authorize";

    /// <summary>Method and path.</summary>
    public static IReadOnlyList<string> All { get; } = ["POST /v1/usage", "POST /v1/usage/litellm", Authorize];
}
