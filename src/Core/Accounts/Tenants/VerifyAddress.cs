using ControlPlane.Accounts.Members;

namespace ControlPlane.Accounts.Tenants;

public abstract record VerifyResult
{
    /// <summary>The link is valid and nothing has changed yet.</summary>
    public sealed record Ready(PendingSignup Signup) : VerifyResult;
    /// <summary>The tenant is now active and its subscription has started.</summary>
    public sealed record Verified(Guid Tenant) : VerifyResult;
    /// <summary>The link was used before: nothing changed.</summary>
    public sealed record AlreadyVerified(Guid Tenant) : VerifyResult;
    public sealed record Expired : VerifyResult;
    public sealed record Unknown : VerifyResult;
    /// <summary>Not the password that was chosen at signup: nothing changed.</summary>
    public sealed record WrongPassword : VerifyResult;
    /// <summary>The person has had a trial before, and this installation gives each person one: nothing changed.</summary>
    public sealed record TrialUsed : VerifyResult;
}

/// <summary>Activates a pending tenant with the link in its mail: exactly once, however often it is used.</summary>
public sealed class VerifyAddress(ControlDatabase database, Clock clock, SignupPolicy policy, SecretBox secrets, Passwords passwords)
{
    /// <summary>Checks a link and changes nothing: mail scanners open links, too.</summary>
    public async Task<VerifyResult> FindAsync(string? token, CancellationToken ct) => (await ReadAsync(token, ct)).Result;

    /// <summary>Activates the tenant if the password is the one chosen at signup: the mailbox alone does not show who signed up.</summary>
    public async Task<VerifyResult> RunAsync(string? token, string? password, RequestOrigin origin, CancellationToken ct)
    {
        var (result, hash) = await ReadAsync(token, ct);
        return result is not VerifyResult.Ready ? result
            : await passwords.MatchesAsync(hash, password ?? "", origin with { IsAuthenticated = true }, ct) ? await RunAsync(token, ct)
            : new VerifyResult.WrongPassword();
    }

    /// <summary>Activates the tenant. The caller knows that the person who signed up asks for it.</summary>
    public async Task<VerifyResult> RunAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { Purpose: "verify" } found)
        {
            return new VerifyResult.Unknown();
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var tenant = await transaction.LockTenantAsync(found.Tenant, ct);
        if (tenant.Status != "pending")
        {
            return new VerifyResult.AlreadyVerified(found.Tenant);
        }

        if (!await transaction.UseTokenAsync(found, ct))
        {
            return new VerifyResult.Expired();
        }

        await transaction.ConfirmMemberAsync(found.Member, clock.GetUtcNow(), ct);
        if (!await transaction.ActivateAsync(clock, policy, secrets, found, tenant.Plan, ct))
        {
            return new VerifyResult.TrialUsed();
        }

        await transaction.CommitAsync(ct);
        return new VerifyResult.Verified(found.Tenant);
    }

    async Task<(VerifyResult Result, string? PasswordHash)> ReadAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { Purpose: "verify" } found)
        {
            return (new VerifyResult.Unknown(), null);
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        return await transaction.FindPendingSignupAsync(found.Member, clock.GetUtcNow(), ct) switch
        {
            null => (new VerifyResult.AlreadyVerified(found.Tenant), null),
            _ when !found.IsUsable => (new VerifyResult.Expired(), null),
            var signup => (new VerifyResult.Ready(signup), await transaction.ScalarAsync<string>("select password_hash from control.member where id = $1", ct, found.Member)),
        };
    }
}
