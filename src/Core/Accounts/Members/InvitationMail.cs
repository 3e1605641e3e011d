using ControlPlane.Accounts.Tenants;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Members;

static class InvitationMail
{
    /// <summary>Sends the link that accepts an invitation, at most once a minute. A recipient who has an account for another tenant is told so instead.</summary>
    public static async Task SendInvitationAsync(
        this Transaction transaction, Clock clock, ControlPlaneOptions options, Guid tenant, Guid member, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "invite", MemberTokens.InviteLifetime, ct) is not { } token)
        {
            return;
        }

        var (email, organization) = await transaction.FirstAsync(Recipient, row => (row.GetString(0), row.GetString(1)), ct, member);
        var mail = await transaction.FindMemberAsync(email, ct) is { Confirmed: true } known && known.Id != member
            ? SignupMails.InvitedElsewhere(options, tenant, member, email, organization)
            : SignupMails.Invite(options, tenant, email, organization, token);
        await transaction.EnqueueAsync(clock, mail, ct);
    }

    const string Recipient = "select m.email, t.organization from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1";
}
