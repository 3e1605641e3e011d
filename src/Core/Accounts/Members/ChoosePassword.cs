using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Accounts.Members;

public abstract record ChoosePasswordResult
{
    /// <param name="Email">The address that the link proved.</param>
    public sealed record Chosen(string Email) : ChoosePasswordResult;
    public sealed record Invalid(FieldErrors Errors) : ChoosePasswordResult;
    /// <summary>The link is unknown, used or expired: one result, because requesting a new link is the answer to each.</summary>
    public sealed record InvalidOrExpiredToken : ChoosePasswordResult;
    /// <summary>The link would activate a pending tenant, and the person has not said that they signed up: nothing changed.</summary>
    public sealed record NotRequested : ChoosePasswordResult;
    /// <summary>The pending tenant would start a trial, and the person has had one before: nothing changed.</summary>
    public sealed record TrialUsed : ChoosePasswordResult;
}

/// <summary>
/// Sets a password with the link of a reset, or of an invitation to a person who has none. A link works once, all of the person's sessions end, and failed
/// sign-ins are forgotten. The link proves the address, so a pending tenant becomes active, if the person says that they signed up: the password that was
/// chosen then is replaced.
/// </summary>
public sealed class ChoosePassword(ControlDatabase database, Clock clock, SignupPolicy policy, SecretBox secrets, Passwords passwords)
{
    /// <param name="purpose"><c>reset</c> or <c>invite</c>: the page that the link opened.</param>
    public async Task<bool> IsUsableAsync(string? token, string purpose, CancellationToken ct) =>
        await database.FindTokenAsync(token, ct) is { IsUsable: true } found && found.Purpose == purpose;

    /// <returns>The signup that the link of a reset would confirm; null when it only sets a password.</returns>
    public async Task<PendingSignup?> FindSignupAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true, Purpose: "reset" } found)
        {
            return null;
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        return await transaction.FindPendingSignupAsync(found.Member, clock.GetUtcNow(), ct);
    }

    /// <param name="isRequested">The person has said that a pending signup is theirs.</param>
    public async Task<ChoosePasswordResult> RunAsync(
        string? token, string purpose, string? password, bool isRequested, RequestOrigin origin, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true } found || found.Purpose != purpose)
        {
            return new ChoosePasswordResult.InvalidOrExpiredToken();
        }

        var (email, organization) = await ReadAsync(found, ct);
        var errors = new FieldErrors();
        errors.Check("password", PasswordRule.Validate(password, email, organization));
        if (errors.Count > 0)
        {
            return new ChoosePasswordResult.Invalid(errors);
        }

        // Before the transaction begins: hashing is slow on purpose.
        var hash = await passwords.HashAsync(password!, origin with { IsAuthenticated = true }, ct);
        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var tenant = await transaction.LockTenantAsync(found.Tenant, ct);
        if (tenant.Status == "pending" && !isRequested)
        {
            return new ChoosePasswordResult.NotRequested();
        }

        if (!await transaction.UseTokenAsync(found, ct))
        {
            return new ChoosePasswordResult.InvalidOrExpiredToken();
        }

        await transaction.ConfirmMemberAsync(found.Member, clock.GetUtcNow(), ct);
        await transaction.SetPasswordAsync(found.Member, hash, ct);
        await transaction.ExpireLinksAsync(found.Member, ct);
        await transaction.ClearCountAsync(RateCounter.SignIn, EmailAddress.KeyOf(email), origin: null, ct);
        await transaction.AuditPersonAsync(clock, found, purpose == "invite" ? "invitation.accepted" : "password.reset", ct);
        if (tenant.Status == "pending" && !await transaction.ActivateAsync(clock, policy, secrets, found, tenant.Plan, ct))
        {
            return new ChoosePasswordResult.TrialUsed();
        }

        await transaction.CommitAsync(ct);
        return new ChoosePasswordResult.Chosen(email);
    }

    async Task<(string Email, string Organization)> ReadAsync(FoundToken token, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(token.Tenant, ct);
        return await transaction.FirstAsync(EmailAndOrganization, row => (row.GetString(0), row.GetString(1)), ct, token.Member);
    }

    const string EmailAndOrganization = "select m.email, t.organization from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1";
}
