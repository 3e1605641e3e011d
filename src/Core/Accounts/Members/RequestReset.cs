namespace ControlPlane.Accounts.Members;

/// <summary>
/// Mails the link that this address needs to sign in: to choose a new password, to accept an invitation, or to confirm a signup. Sends at most one mail a
/// minute, and none to an unknown address; the caller cannot tell which.
/// </summary>
public sealed class RequestReset(ControlDatabase database, AccountMails mails)
{
    // An unknown address would otherwise be answered faster than a known one, whose mail is written.
    static readonly TimeSpan ResponseTime = TimeSpan.FromSeconds(1);

    // Any visitor may ask, so they hold one of a tenant's connections at most. They wait for each other for less than the response takes anyway: many requests
    // for one address would otherwise show by their duration that it is known.
    readonly TenantConnectionLimit _visitors = new(connectionsPerTenant: 1, timeout: ResponseTime / 2);

    /// <param name="signedUpHere">The tenant of the last signup in the requester's browser; null: not known.</param>
    public async Task RunAsync(string? email, RequestOrigin origin, CancellationToken ct, Guid? signedUpHere = null)
    {
        var responseTime = Task.Delay(ResponseTime, ct);
        var address = EmailAddress.Normalize(email) ?? "";
        if (EmailAddress.Validate(address) is null)
        {
            await SendAsync(address, origin, signedUpHere, ct);
        }

        await responseTime;
    }

    async Task SendAsync(string email, RequestOrigin origin, Guid? signedUpHere, CancellationToken ct)
    {
        KnownMember? account;
        List<OpenMember> open = [];
        await using (var anonymous = await database.BeginAnonymousAsync(ct))
        {
            account = await anonymous.FindMemberAsync(email, ct);
            if (account is { HasAccount: false })
            {
                open = await anonymous.FindOpenMembersAsync(email, signedUpHere, origin, ct);
            }
        }

        if (account is { HasAccount: true })
        {
            await SendAsync(account.Tenant, transaction => mails.SendResetAsync(transaction, account.Tenant, account.Id, hasAccount: true, origin, ct), ct);
        }

        foreach (var member in open)
        {
            // A signup, too, for whoever no longer knows its password: the page shows it and asks whether the person made it.
            await SendAsync(
                member.Tenant,
                transaction => member.IsSignup
                    ? mails.SendResetAsync(transaction, member.Tenant, member.Id, hasAccount: false, origin, ct)
                    : mails.SendInvitationAgainAsync(transaction, member.Tenant, member.Id, origin, ct),
                ct);
        }
    }

    async Task SendAsync(Guid tenant, Func<Transaction, Task> send, CancellationToken ct)
    {
        try
        {
            using var place = await _visitors.EnterAsync(tenant, ct);
            await using var transaction = await database.BeginAsync(tenant, ct);
            await send(transaction);
            await transaction.CommitAsync(ct);
        }
        catch (Exception e) when (TenantBusyException.Of(e) is not null)
        {
            // As if nothing was wrong: an unknown address has no tenant that could be busy.
        }
    }
}
