using ControlPlane.Accounts.ApiKeys;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace ControlPlane.Accounts.Members;

/// <summary>
/// Hashes and verifies passwords with the framework's hasher: PBKDF2 with HMAC-SHA512 and a random salt. A hash takes a tenth of a second of a core, so at most
/// half of the cores (of one core, that one) compute hashes: the others serve authorizations.
/// </summary>
public sealed class Passwords
{
    /// <summary>Twenty seconds' worth for one core.</summary>
    const int Places = 200;
    const int PlacesForKnown = 40;
    const int PlacesPerNetwork = 40;

    // OWASP's Password Storage Cheat Sheet, for PBKDF2 with HMAC-SHA512.
    readonly PasswordHasher<Passwords> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));
    readonly ComputationLimiter _limiter = new(Math.Max(1, Environment.ProcessorCount / 2), Places, PlacesForKnown, PlacesPerNetwork);
    readonly string _dummyHash;

    public Passwords() => _dummyHash = _hasher.HashPassword(this, Credentials.New());

    /// <exception cref="QueueFullException">Too many passwords are waiting to be hashed.</exception>
    public Task<string> HashAsync(string password, RequestOrigin origin, CancellationToken ct) =>
        RunAsync(origin, () => _hasher.HashPassword(this, password), ct);

    /// <summary>Whether the hash is the password's. Takes as long without a hash, so that the response time reveals nothing.</summary>
    /// <exception cref="QueueFullException">Too many passwords are waiting to be hashed.</exception>
    public Task<bool> MatchesAsync(string? hash, string password, RequestOrigin origin, CancellationToken ct) => RunAsync(
        origin, () => _hasher.VerifyHashedPassword(this, hash ?? _dummyHash, password) != PasswordVerificationResult.Failed && hash is not null, ct);

    Task<T> RunAsync<T>(RequestOrigin origin, Func<T> compute, CancellationToken ct) =>
        _limiter.RunAsync(origin.NetworkName, origin.IsKnownDevice || origin.IsAuthenticated, compute, ct);
}
