using ControlPlane.Accounts.ApiKeys;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace ControlPlane.Accounts.Members;

/// <summary>Hashes and verifies passwords with the framework's hasher: PBKDF2 with HMAC-SHA512 and a random salt.</summary>
public sealed class Passwords
{
    // OWASP's Password Storage Cheat Sheet, for PBKDF2 with HMAC-SHA512.
    readonly PasswordHasher<Passwords> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));
    readonly string _dummyHash;

    public Passwords() => _dummyHash = Hash(Credentials.New());

    public string Hash(string password) => _hasher.HashPassword(this, password);

    /// <summary>Whether the hash is the password's. Takes as long without a hash, so that the response time reveals nothing.</summary>
    public bool Matches(string? hash, string password) =>
        _hasher.VerifyHashedPassword(this, hash ?? _dummyHash, password) != PasswordVerificationResult.Failed && hash is not null;
}
