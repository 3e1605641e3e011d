using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Provisioning;

/// <summary>
/// A password as PostgreSQL stores it (RFC 5803: <c>SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey</c>). Sent instead of the password,
/// so that no statement log contains the password.
/// </summary>
public static class ScramVerifier
{
    const int Iterations = 4096;

    public static string Of(string password) => Of(password, RandomNumberGenerator.GetBytes(16), Iterations);

    /// <param name="password">ASCII: anything else would have to be normalized first (RFC 4013).</param>
    public static string Of(string password, byte[] salt, int iterations)
    {
        if (!Ascii.IsValid(password))
        {
            throw new ArgumentException("The password must be ASCII.", nameof(password));
        }

        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.ASCII.GetBytes(password), salt, iterations, HashAlgorithmName.SHA256, 32);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
