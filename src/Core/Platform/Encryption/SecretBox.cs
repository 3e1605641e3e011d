using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Platform.Encryption;

/// <summary>
/// Encrypts secrets at rest with AES-256-GCM (NIST SP 800-38D). Layout: version byte 1, 12-byte nonce, 16-byte tag, ciphertext; in version 2 the id of the
/// key follows the version. The context (which secret, of which tenant) is authenticated, so a ciphertext that is copied to another row does not decrypt.
/// </summary>
/// <remarks>
/// Version 2 is written while there are former keys, that is, while the key changes. Otherwise the release before version 2 could not read what this one
/// writes beside it.
/// </remarks>
public sealed class SecretBox
{
    const int KeyIdBytes = 4;
    const int NonceBytes = 12;
    const int TagBytes = 16;

    readonly byte[] _current;
    readonly byte[][] _former;

    /// <param name="current">Encrypts. 32 bytes.</param>
    /// <param name="former">Decrypt what they encrypted. 32 bytes each.</param>
    public SecretBox(byte[] current, params byte[][] former)
    {
        foreach (var key in (byte[][])[current, .. former])
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, 32);
        }

        (_current, _former) = (current, former);
    }

    public byte[] Seal(string secret, string context)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        byte[] header = _former.Length == 0 ? [1] : [2, .. IdOf(_current)];
        var sealedBytes = new byte[header.Length + NonceBytes + TagBytes + plain.Length];
        header.CopyTo(sealedBytes, 0);
        var (nonce, tag, ciphertext) = Parts(sealedBytes, header.Length);
        RandomNumberGenerator.Fill(nonce.Span);
        using var aes = new AesGcm(_current, TagBytes);
        aes.Encrypt(nonce.Span, plain, ciphertext.Span, tag.Span, Encoding.UTF8.GetBytes(context));
        return sealedBytes;
    }

    /// <exception cref="CryptographicException">No configured key encrypted it in this context, or it was modified. The message says what to set.</exception>
    public string Open(byte[] sealedBytes, string context)
    {
        switch (sealedBytes)
        {
            case [1, ..] when sealedBytes.Length >= 1 + NonceBytes + TagBytes:
                foreach (var key in Keys)
                {
                    if (Decrypt(key, sealedBytes, 1, context) is { } secret)
                    {
                        return secret;
                    }
                }

                throw new CryptographicException(
                    "No configured key decrypts this secret. Set CONTROLPLANE_SECRETS_KEY, or CONTROLPLANE_SECRETS_KEY_FORMER, to the key that encrypted it.");
            case [2, ..] when sealedBytes.Length >= 1 + KeyIdBytes + NonceBytes + TagBytes:
                var id = sealedBytes.AsSpan(1, KeyIdBytes).ToArray();
                var named = Keys.FirstOrDefault(key => IdOf(key).SequenceEqual(id)) ?? throw new CryptographicException(
                    $"The key {Convert.ToHexStringLower(id)}, which encrypted this secret, is not configured. Add it to CONTROLPLANE_SECRETS_KEY_FORMER.");
                return Decrypt(named, sealedBytes, 1 + KeyIdBytes, context)
                    ?? throw new CryptographicException($"The secret was encrypted with the key {Convert.ToHexStringLower(id)}, but was modified or belongs to another row.");
            default:
                throw new CryptographicException("The ciphertext has an unknown version.");
        }
    }

    /// <summary>Whether the ciphertext should be replaced, because a former key encrypted it or it does not name its key while keys change.</summary>
    public bool IsOutdated(byte[] sealedBytes) => sealedBytes switch
    {
        [1, ..] => _former.Length > 0,
        [2, ..] => sealedBytes.Length <= KeyIdBytes || !sealedBytes.AsSpan(1, KeyIdBytes).SequenceEqual(IdOf(_current)),
        _ => false,
    };

    IEnumerable<byte[]> Keys => [_current, .. _former];

    static string? Decrypt(byte[] key, byte[] sealedBytes, int headerLength, string context)
    {
        var (nonce, tag, ciphertext) = Parts(sealedBytes, headerLength);
        var plain = new byte[ciphertext.Length];
        // One per call: AesGcm is not thread-safe.
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(nonce.Span, ciphertext.Span, tag.Span, plain, Encoding.UTF8.GetBytes(context));
            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    static (Memory<byte> Nonce, Memory<byte> Tag, Memory<byte> Ciphertext) Parts(byte[] sealedBytes, int headerLength)
    {
        var body = sealedBytes.AsMemory(headerLength);
        return (body[..NonceBytes], body[NonceBytes..(NonceBytes + TagBytes)], body[(NonceBytes + TagBytes)..]);
    }

    // Tells keys apart. A part of a hash of 256 random bits reveals nothing of them.
    static byte[] IdOf(byte[] key) => SHA256.HashData(key)[..KeyIdBytes];
}
