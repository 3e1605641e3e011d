using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Lambda.Web;

/// <summary>What CloudFront proves itself with. Two of them are good while the token is being changed.</summary>
sealed class OriginTokens
{
    public const string Setting = "CONTROLPLANE_ORIGIN_TOKEN";
    public const string PreviousSetting = "CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS";

    readonly byte[] _current;
    readonly byte[]? _previous;

    OriginTokens(string current, string? previous) => (_current, _previous) = (Digest(current), previous is { Length: > 0 } ? Digest(previous) : null);

    /// <exception cref="SettingException">There is no token: without one everybody would be let in.</exception>
    public static OriginTokens Read(IConfiguration configuration) => configuration[Setting] is { Length: > 0 } current
        ? new OriginTokens(current, configuration[PreviousSetting])
        : throw new SettingException($"{Setting} is not set, and the secret of CONTROLPLANE_ORIGIN_SECRET has no \"token\": nobody could be told from CloudFront.");

    /// <summary>Takes equally long for every text of the same length.</summary>
    public bool Have(string shown)
    {
        var digest = Digest(shown);
        return CryptographicOperations.FixedTimeEquals(digest, _current) | (_previous is not null && CryptographicOperations.FixedTimeEquals(digest, _previous));
    }

    static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
