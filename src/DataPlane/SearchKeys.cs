using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.DataPlane;

/// <summary>
/// The keys that environments send to the search service. Open WebUI's administrators can read theirs, so each tenant has its own, which names the tenant: the service
/// knows whom to count a search for without asking anyone, and verifies the signature with the key that it shares with this installation.
/// </summary>
public static class SearchKeys
{
    /// <summary>Name of the environment variable.</summary>
    public const string Variable = "SEARCH_KEY";

    /// <returns>The tenant's id, a dot, and the HMAC-SHA256 of the id in hexadecimal.</returns>
    public static string Of(Guid tenant, string signingKey) =>
        $"{tenant}.{Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(signingKey), Encoding.UTF8.GetBytes(tenant.ToString())))}";
}
