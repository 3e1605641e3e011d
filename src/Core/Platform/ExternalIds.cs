using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Platform;

/// <summary>
/// Ids chosen by senders: of events, requests, users and sessions. They may have any length; a long one is stored as its beginning and its hash, so
/// that equal ids stay equal, and keys in the database stay small.
/// </summary>
public static class ExternalIds
{
    /// <summary>Characters of the longest id that is stored as it is.</summary>
    public const int MaximumLength = 200;

    const int ReadableLength = 128;

    /// <summary>The id as it is stored, compared and returned: at most <see cref="MaximumLength"/> characters. Idempotent.</summary>
    public static string Stored(string id)
    {
        if (id.Length <= MaximumLength)
        {
            return id;
        }

        // A surrogate pair stays whole.
        var readable = id.AsSpan(0, char.IsHighSurrogate(id[ReadableLength - 1]) ? ReadableLength - 1 : ReadableLength);
        return $"{readable}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)))}";
    }
}
