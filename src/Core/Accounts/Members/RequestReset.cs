using ControlPlane.Accounts.Tenants;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Members;

/// <summary>
/// Mails whatever link lets the person behind an address in: to choose a new password, to confirm the address, or to accept an
/// invitation. At most one a minute; nothing for an unknown address, and the caller learns neither.
/// </summary>
public sealed class RequestReset(ControlDatabase database, Clock clock, ControlPlaneOptions options)
{
    // Finding nobody is quicker than writing a mail; nobody is told sooner than this.
    static readonly TimeSpan MinimumResponseTime = TimeSpan.FromMilliseconds(250);

    public async Task RunAsync(string? email, CancellationToken ct)
    {
        var minimumResponseTime = Task.Delay(MinimumResponseTime, ct);
        var address = EmailAddress.Normalize(email) ?? "";
        if (EmailAddress.Problem(address) is null)
        {
            await SendAsync(address, ct);
        }

        await minimumResponseTime;
    }

    async Task SendAsync(string email, CancellationToken ct)
    {
        KnownMember? member;
        await using (var look = await database.BeginAnonymousAsync(ct))
        {
            member = await look.FindMemberAsync(email, ct);
        }

        if (member is null)
        {
            return;
        }

        await using var transaction = await database.BeginAsync(member.Tenant, ct);
        if (member.Confirmed)
        {
            if (await transaction.IssueTokenAsync(member.Tenant, member.Id, "reset", MemberTokens.ResetLifetime, ct) is { } token)
            {
                await transaction.EnqueueAsync(clock, SignupMails.Reset(options, member.Tenant, member.Email, token), ct);
            }
        }
        else if (member.TenantStatus == "pending")
        {
            await transaction.SendVerificationAsync(clock, options, member.Tenant, member.Id, ct);
        }
        else
        {
            await transaction.SendInvitationAsync(clock, options, member.Tenant, member.Id, ct);
        }

        await transaction.CommitAsync(ct);
    }
}
