using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Lambda.Web;

/// <summary>Tokens that authenticate CloudFront. The previous one stays valid during a rotation.</summary>
sealed class OriginTokens
{
    public const string Setting = "CONTROLPLANE_ORIGIN_TOKEN";
    public const string PreviousSetting = "CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS";

    readonly byte[] _current;
    readonly byte[]? _previous;

    OriginTokens(string current, string? previous) => (_current, _previous) = (Digest(current), previous is { Length: > 0 } ? Digest(previous) : null);

    /// <exception cref="SettingException">There is no token; without one every caller would be accepted.</exception>
    public static OriginTokens Read(IConfiguration configuration) => configuration[Setting] is { Length: > 0 } current
        ? new OriginTokens(current, configuration[PreviousSetting])
        : throw new SettingException($"{Setting} is not set, and the secret of CONTROLPLANE_ORIGIN_SECRET has no \"token\". Without it, CloudFront cannot be told from other callers.");

    /// <summary>Constant time for inputs of the same length.</summary>
    public bool IsValid(string token)
    {
        var digest = Digest(token);
        return CryptographicOperations.FixedTimeEquals(digest, _current) | (_previous is not null && CryptographicOperations.FixedTimeEquals(digest, _previous));
    }

    static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
