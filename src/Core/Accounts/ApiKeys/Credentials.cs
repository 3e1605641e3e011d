using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// Random bearer credentials: keys, session and mail tokens. 256 bits from the system's generator, so a plain SHA-256 is enough to
/// keep them by: nothing can be guessed from the hash.
/// </summary>
public static class Credentials
{
    public const string TenantKeyPrefix = "cpt_";
    public const string OperatorKeyPrefix = "cpo_";

    /// <summary>A new credential: the prefix and 43 characters of base64url.</summary>
    public static string New(string prefix = "") => prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    public static byte[] Hash(string credential) => SHA256.HashData(Encoding.UTF8.GetBytes(credential));
}
