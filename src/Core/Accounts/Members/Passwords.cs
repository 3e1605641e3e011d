using ControlPlane.Accounts.ApiKeys;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace ControlPlane.Accounts.Members;

/// <summary>Hashes and checks passwords with the framework's hasher: PBKDF2 with HMAC-SHA512, a salt of its own for each.</summary>
public sealed class Passwords
{
    // OWASP's Password Storage Cheat Sheet, for PBKDF2 with HMAC-SHA512.
    readonly PasswordHasher<Passwords> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));
    readonly string _dummyHash;

    public Passwords() => _dummyHash = Hash(Credentials.New());

    public string Hash(string password) => _hasher.HashPassword(this, password);

    /// <summary>Whether the password is the one that was hashed. Takes as long when there is no hash, so that the time tells nothing.</summary>
    public bool Matches(string? hash, string password) =>
        _hasher.VerifyHashedPassword(this, hash ?? _dummyHash, password) != PasswordVerificationResult.Failed && hash is not null;
}
