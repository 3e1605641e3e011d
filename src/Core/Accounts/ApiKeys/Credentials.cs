using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// Random bearer credentials: keys, session and mail tokens. They have 256 random bits, so a plain SHA-256 hash is enough to
/// store them: nothing can be guessed from it.
/// </summary>
public static class Credentials
{
    public const string TenantKeyPrefix = "cpt_";
    public const string OperatorKeyPrefix = "cpo_";

    const int RandomBytes = 32, EncodedLength = 43;

    /// <summary>A new credential: the prefix and 43 characters of base64url.</summary>
    public static string New(string prefix = "") => prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>Whether the text has the form of a tenant key, so that it is worth a look into the database.</summary>
    public static bool IsTenantKey(string? text) =>
        text?.Length == TenantKeyPrefix.Length + EncodedLength && text.StartsWith(TenantKeyPrefix, StringComparison.Ordinal) && Base64Url.IsValid(text.AsSpan(TenantKeyPrefix.Length));

    public static byte[] Hash(string credential) => SHA256.HashData(Encoding.UTF8.GetBytes(credential));
}
