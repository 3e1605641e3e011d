namespace ControlPlane.Accounts.Members;

/// <summary>
/// Mails the link that this address needs to sign in: to choose a new password, or to accept an invitation. Sends at most one mail a minute, and none to
/// an unknown address; the caller cannot tell which.
/// </summary>
public sealed class RequestReset(ControlDatabase database, AccountMails mails)
{
    // An unknown address would otherwise be answered faster than a known one.
    static readonly TimeSpan MinimumResponseTime = TimeSpan.FromMilliseconds(250);

    public async Task RunAsync(string? email, CancellationToken ct)
    {
        var minimumResponseTime = Task.Delay(MinimumResponseTime, ct);
        var address = EmailAddress.Normalize(email) ?? "";
        if (EmailAddress.Validate(address) is null)
        {
            await SendAsync(address, ct);
        }

        await minimumResponseTime;
    }

    async Task SendAsync(string email, CancellationToken ct)
    {
        KnownMember? member;
        await using (var anonymous = await database.BeginAnonymousAsync(ct))
        {
            member = await anonymous.FindMemberAsync(email, ct);
        }

        if (member is null)
        {
            return;
        }

        await using var transaction = await database.BeginAsync(member.Tenant, ct);
        // For a pending signup, too: it confirms the address as its own link does, for whoever no longer knows the password.
        if (member.HasAccount || member.TenantStatus == "pending")
        {
            await mails.SendResetAsync(transaction, member.Tenant, member.Id, ct);
        }
        else
        {
            await mails.SendInvitationAsync(transaction, member.Tenant, member.Id, ct);
        }

        await transaction.CommitAsync(ct);
    }
}
