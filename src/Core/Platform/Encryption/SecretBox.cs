using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Platform.Encryption;

/// <summary>
/// Encrypts secrets at rest with AES-256-GCM (NIST SP 800-38D). Layout: version byte 1, 12-byte nonce, 16-byte tag, ciphertext.
/// The context (which secret, of which tenant) is authenticated, so a ciphertext that is copied to another row does not decrypt.
/// </summary>
public sealed class SecretBox
{
    const int NonceBytes = 12;
    const int TagBytes = 16;
    readonly byte[] _key;

    /// <param name="key">32 bytes.</param>
    public SecretBox(byte[] key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, 32);
        _key = key;
    }

    public byte[] Seal(string secret, string context)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var sealedBytes = new byte[1 + NonceBytes + TagBytes + plain.Length];
        sealedBytes[0] = 1;
        var nonce = sealedBytes.AsSpan(1, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = CreateCipher();
        aes.Encrypt(
            nonce, plain, sealedBytes.AsSpan(1 + NonceBytes + TagBytes), sealedBytes.AsSpan(1 + NonceBytes, TagBytes), Encoding.UTF8.GetBytes(context));
        return sealedBytes;
    }

    /// <exception cref="CryptographicException">Wrong key, wrong context, or a modified ciphertext.</exception>
    public string Open(byte[] sealedBytes, string context)
    {
        if (sealedBytes.Length < 1 + NonceBytes + TagBytes || sealedBytes[0] != 1)
        {
            throw new CryptographicException("The ciphertext has an unknown version.");
        }

        var plain = new byte[sealedBytes.Length - 1 - NonceBytes - TagBytes];
        using var aes = CreateCipher();
        aes.Decrypt(
            sealedBytes.AsSpan(1, NonceBytes), sealedBytes.AsSpan(1 + NonceBytes + TagBytes), sealedBytes.AsSpan(1 + NonceBytes, TagBytes), plain,
            Encoding.UTF8.GetBytes(context));
        return Encoding.UTF8.GetString(plain);
    }

    // One per call: AesGcm is not thread-safe.
    AesGcm CreateCipher() => new(_key, TagBytes);
}
