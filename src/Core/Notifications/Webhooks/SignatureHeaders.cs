using System.Security.Cryptography;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>The headers of a signed webhook, which are checked before its body is read.</summary>
/// <param name="Id"><c>webhook-id</c>.</param>
/// <param name="Timestamp"><c>webhook-timestamp</c>, as sent.</param>
/// <param name="Signatures">The decoded v1 signatures of <c>webhook-signature</c>.</param>
public sealed record SignatureHeaders(string Id, string Timestamp, IReadOnlyList<byte[]> Signatures)
{
    const int MaximumId = 256;

    /// <summary>A sender has a signature per secret, and two while a secret is rotated; some sign with another version as well.</summary>
    const int MaximumSignatures = 8;

    const string Version = "v1,";

    /// <returns>null when no signature could ever be valid with these headers.</returns>
    public static SignatureHeaders? Parse(string id, string timestamp, string signature)
    {
        var parts = signature.Split(' ', MaximumSignatures + 1, StringSplitOptions.RemoveEmptyEntries);
        if (id.Length is 0 or > MaximumId || timestamp.Length == 0 || parts.Length > MaximumSignatures)
        {
            return null;
        }

        var signatures = parts.Select(Decode).OfType<byte[]>().ToList();
        return signatures.Count == 0 ? null : new SignatureHeaders(id, timestamp, signatures);
    }

    static byte[]? Decode(string part)
    {
        var signature = new byte[HMACSHA256.HashSizeInBytes];
        return part.StartsWith(Version, StringComparison.Ordinal)
            && Convert.TryFromBase64String(part[Version.Length..], signature, out var written) && written == signature.Length
                ? signature
                : null;
    }
}
