using ControlPlane.Accounts.Members;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Tenants;

static class VerificationMail
{
    /// <summary>Sends the link that confirms the member's address, at most once a minute. If the address has an account, the mail says so instead,
    /// at most once an hour. The token is created in either case, because it also determines when the signup is purged.</summary>
    public static async Task SendVerificationAsync(
        this Transaction transaction, Clock clock, ControlPlaneOptions options, Guid tenant, Guid member, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "verify", MemberTokens.VerifyLifetime, ct) is not { } token)
        {
            return;
        }

        var (email, organization, slug) = await transaction.FirstAsync(
            Recipient, row => (row.GetString(0), row.GetString(1), row.GetString(2)), ct, member);
        var mail = await transaction.FindMemberAsync(email, ct) is { Confirmed: true } known
            ? SignupMails.AlreadyKnown(options, tenant, known.Id, email, clock.Wall)
            : SignupMails.Verify(options, tenant, email, organization, slug, token);
        await transaction.EnqueueAsync(clock, mail, ct);
    }

    const string Recipient = """
        select m.email, t.organization, t.slug from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1
        """;
}
