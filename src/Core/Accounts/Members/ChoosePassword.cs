using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Accounts.Members;

public abstract record ChoosePasswordResult
{
    public sealed record Chosen : ChoosePasswordResult;
    public sealed record Invalid(FieldErrors Errors) : ChoosePasswordResult;
    /// <summary>The link is unknown, used or expired: one result, because requesting a new link is the answer to each.</summary>
    public sealed record InvalidOrExpiredToken : ChoosePasswordResult;
    /// <summary>The address has an account for another tenant.</summary>
    public sealed record AddressTaken : ChoosePasswordResult;
}

/// <summary>Sets a password with the link of a reset or an invitation. A link works once, and all of the member's sessions end.</summary>
public sealed class ChoosePassword(ControlDatabase database, Clock clock, Passwords passwords)
{
    /// <param name="purpose"><c>reset</c> or <c>invite</c>: the page that the link opened.</param>
    public async Task<bool> IsUsableAsync(string? token, string purpose, CancellationToken ct) =>
        await FindAsync(token, ct) is { IsUsable: true } found && found.Purpose == purpose;

    public async Task<ChoosePasswordResult> RunAsync(string? token, string purpose, string? password, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { IsUsable: true } found || found.Purpose != purpose)
        {
            return new ChoosePasswordResult.InvalidOrExpiredToken();
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var (email, organization) = await transaction.FirstAsync(EmailAndOrganization, row => (row.GetString(0), row.GetString(1)), ct, found.Member);
        var errors = new FieldErrors();
        errors.Check("password", PasswordRule.Validate(password, email, organization));
        if (errors.Count > 0)
        {
            return new ChoosePasswordResult.Invalid(errors);
        }

        var hash = passwords.Hash(password!);
        if (!await transaction.UseTokenAsync(found, ct))
        {
            return new ChoosePasswordResult.InvalidOrExpiredToken();
        }

        if (!await VerifyAddress.ConfirmAsync(transaction, found.Member, clock.GetUtcNow(), ct))
        {
            return new ChoosePasswordResult.AddressTaken();
        }

        await transaction.ExecuteAsync("update control.member set password_hash = $2 where id = $1", ct, found.Member, hash);
        await transaction.ExecuteAsync("delete from control.member_session where member_id = $1", ct, found.Member);
        await transaction.ExecuteAsync(ExpireOtherLinks, ct, found.Member);
        await transaction.AuditAsync(
            clock, found.Tenant, $"member:{found.Member}", purpose == "invite" ? "invitation.accepted" : "password.reset", null, ct);
        await transaction.CommitAsync(ct);
        return new ChoosePasswordResult.Chosen();
    }

    async Task<FoundToken?> FindAsync(string? token, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindTokenAsync(token ?? "", ct);
    }

    const string EmailAndOrganization = "select m.email, t.organization from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1";

    const string ExpireOtherLinks = """
        update control.member_token set used_at = now() where member_id = $1 and purpose in ('reset', 'invite') and used_at is null
        """;
}
