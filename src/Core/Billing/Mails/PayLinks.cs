using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace ControlPlane.Billing.Mails;

/// <summary>
/// Links under which one invoice can be paid without signing in, also after its tenant was deleted. The token is the invoice's id with a code that only this installation can
/// compute, so nothing is stored. It does not expire: an invoice may be paid years later.
/// </summary>
public sealed class PayLinks
{
    const int IdLength = 16;
    const int CodeLength = 16;

    readonly Uri _publicUrl;
    readonly byte[][] _keys;

    /// <param name="secretsKeys">The key of the installation, then former ones, whose links stay valid.</param>
    public PayLinks(Uri publicUrl, params byte[][] secretsKeys)
    {
        _publicUrl = publicUrl;
        // Derived, so that a code tells nothing about the key that encrypts secrets.
        _keys = [.. secretsKeys.Select(key => HMACSHA256.HashData(key, "pay link"u8))];
    }

    public Uri Of(Guid invoice) => new(_publicUrl, $"/pay/{TokenOf(invoice)}");

    public string TokenOf(Guid invoice) => Base64Url.EncodeToString([.. invoice.ToByteArray(), .. CodeOf(_keys[0], invoice)]);

    /// <returns>The invoice; null when the token is none of this installation.</returns>
    public Guid? Find(string? token)
    {
        Span<byte> bytes = stackalloc byte[IdLength + CodeLength];
        if (token is null || Base64Url.DecodeFromChars(token, bytes, out var read, out var written) != OperationStatus.Done || read != token.Length || written != bytes.Length)
        {
            return null;
        }

        var invoice = new Guid(bytes[..IdLength]);
        foreach (var key in _keys)
        {
            if (CryptographicOperations.FixedTimeEquals(bytes[IdLength..], CodeOf(key, invoice)))
            {
                return invoice;
            }
        }

        return null;
    }

    static ReadOnlySpan<byte> CodeOf(byte[] key, Guid invoice) => HMACSHA256.HashData(key, invoice.ToByteArray()).AsSpan(0, CodeLength);
}
