namespace ControlPlane.Accounts.Members;

public abstract record ChangeEmailResult
{
    /// <summary>A mail was queued. The result is the same for an address that has an account.</summary>
    public sealed record Requested : ChangeEmailResult;
    public sealed record Invalid(FieldErrors Errors) : ChangeEmailResult;
    /// <summary>The person now signs in with the new address.</summary>
    public sealed record Changed(string Email) : ChangeEmailResult;
    public sealed record InvalidOrExpiredToken : ChangeEmailResult;
    /// <summary>Another account has the address, or it was invited to one of the person's tenants.</summary>
    public sealed record AddressTaken : ChangeEmailResult;
}

/// <summary>Changes the address of a person for all tenants: requested with the password, confirmed with the link mailed to the new address and the
/// password again. Without it, whoever has the new address could be made to confirm it for a stranger, who would know the password.</summary>
/// <remarks>Whoever finds an open session may not guess the password with it, so a wrong one counts as a failed sign-in, whichever of the person's tenants
/// the session is for.</remarks>
public sealed class ChangeEmail(ControlDatabase database, Clock clock, AccountMails mails, PasswordAttempts attempts)
{
    const string Purpose = "email";

    /// <param name="originOf">Where a request of the account with this address comes from.</param>
    public async Task<ChangeEmailResult> RequestAsync(
        Guid tenant, Guid member, string? email, string? password, Func<string, RequestOrigin> originOf, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email) ?? "";
        var errors = new FieldErrors();
        errors.Check("email", EmailAddress.Validate(address));
        errors.Check("password", await CheckPasswordAsync(tenant, member, password, originOf, ct));
        if (errors.Count > 0)
        {
            return new ChangeEmailResult.Invalid(errors);
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await mails.SendEmailChangeAsync(transaction, tenant, member, address, ct) is not null)
        {
            errors.Check("email", "This address has received too many requests today, or too many of yours could not be delivered. Try again tomorrow.");
            return new ChangeEmailResult.Invalid(errors);
        }

        await transaction.CommitAsync(ct);
        return new ChangeEmailResult.Requested();
    }

    /// <summary>Checks a link and changes nothing.</summary>
    /// <returns>The new address; null when the link is unknown, used or expired.</returns>
    public async Task<string?> FindAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true, Purpose: Purpose } found)
        {
            return null;
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        return await transaction.ScalarAsync<string>(NewEmail, ct, found.Hash);
    }

    /// <param name="password">That of the account.</param>
    /// <param name="originOf">Where a request of the account with this address comes from.</param>
    public async Task<ChangeEmailResult> RunAsync(string? token, string? password, Func<string, RequestOrigin> originOf, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true, Purpose: Purpose } found)
        {
            return new ChangeEmailResult.InvalidOrExpiredToken();
        }

        if (await CheckPasswordAsync(found.Tenant, found.Member, password, originOf, ct) is { } problem)
        {
            return new ChangeEmailResult.Invalid(new FieldErrors { ["password"] = problem });
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var address = (await transaction.ScalarAsync<string>(NewEmail, ct, found.Hash))!;
        var former = await transaction.ScalarAsync<string>("select email from control.member where id = $1", ct, found.Member);
        if (!await transaction.UseTokenAsync(found, ct))
        {
            return new ChangeEmailResult.InvalidOrExpiredToken();
        }

        if (!await transaction.ScalarAsync<bool>("select control.change_email($1, $2)", ct, found.Member, address))
        {
            return new ChangeEmailResult.AddressTaken();
        }

        await mails.SendEmailChangedAsync(transaction, found, former!, ct);
        await transaction.AuditPersonAsync(clock, found, "member.email_changed", ct);
        await transaction.CommitAsync(ct);
        return new ChangeEmailResult.Changed(address);
    }

    /// <returns>What is wrong; null when the password is right.</returns>
    async Task<string?> CheckPasswordAsync(Guid tenant, Guid member, string? password, Func<string, RequestOrigin> originOf, CancellationToken ct)
    {
        if (await ReadAccountAsync(tenant, member, ct) is not ({ } email, var hash))
        {
            // The membership was removed meanwhile.
            return "Incorrect password.";
        }

        var origin = originOf(email);
        if (await attempts.CountAsync(email, origin, ct) is not null)
        {
            return "Too many attempts. Try again in an hour.";
        }

        if (!await attempts.CheckAsync(hash, password ?? "", email, origin with { IsAuthenticated = true }, ct))
        {
            return "Incorrect password.";
        }

        await attempts.TakeBackAsync(email, origin, ct);
        return null;
    }

    async Task<(string? Email, string? PasswordHash)> ReadAccountAsync(Guid tenant, Guid member, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.FirstAsync(Account, row => ((string?)row.GetString(0), row.Get<string>(1)), ct, member);
    }

    const string Account = "select email, password_hash from control.member where id = $1";

    const string NewEmail = "select new_email from control.member_token where hash = $1";
}
