using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>
/// Verifies a signature while the body arrives: one HMAC per secret, computed once, however many signatures the header contains.
/// </summary>
public sealed class SignatureVerifier : IDisposable
{
    readonly IReadOnlyList<IncrementalHash> _hashes;
    readonly IReadOnlyList<byte[]> _signatures;

    /// <param name="secrets">The decoded bytes of <c>whsec_…</c> secrets.</param>
    public SignatureVerifier(IEnumerable<byte[]> secrets, SignatureHeaders headers)
    {
        _hashes = [.. secrets.Select(secret => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret))];
        _signatures = headers.Signatures;
        Append(Encoding.UTF8.GetBytes($"{headers.Id}.{headers.Timestamp}."));
    }

    public void Append(ReadOnlySpan<byte> body)
    {
        foreach (var hash in _hashes)
        {
            hash.AppendData(body);
        }
    }

    /// <summary>Call it once, after the whole body was appended. The comparison takes constant time.</summary>
    /// <returns>Whether one of the secrets created one of the signatures.</returns>
    public bool IsValid()
    {
        var valid = false;
        foreach (var hash in _hashes)
        {
            var expected = hash.GetHashAndReset();
            foreach (var signature in _signatures)
            {
                valid |= CryptographicOperations.FixedTimeEquals(expected, signature);
            }
        }

        return valid;
    }

    public void Dispose()
    {
        foreach (var hash in _hashes)
        {
            hash.Dispose();
        }
    }
}
