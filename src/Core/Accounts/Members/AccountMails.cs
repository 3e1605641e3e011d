using ControlPlane.Accounts.Tenants;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Members;

/// <summary>
/// Queues the mails with a link that an account needs, each at most once a minute. Whoever signs up or invites chooses the recipient, so one address
/// gets a limited number of those mails a day, whichever tenants they are about.
/// </summary>
public sealed class AccountMails(Clock clock, ControlPlaneOptions options, AccountOptions accounts)
{
    /// <summary>The link that confirms an address and activates a pending tenant. Its token also determines when an unconfirmed signup is purged.</summary>
    public async Task SendVerificationAsync(Transaction transaction, Guid tenant, Guid member, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "verify", MemberTokens.VerifyLifetime, ct) is not { } token)
        {
            return;
        }

        var to = await ReadRecipientAsync(transaction, member, ct);
        if (await IsAllowedAsync(transaction, to.Email, ct))
        {
            var isKnown = await transaction.FindMemberAsync(to.Email, ct) is { HasAccount: true };
            await transaction.EnqueueAsync(clock, SignupMails.Verify(options, tenant, to, token, isKnown), ct);
        }
    }

    /// <returns>False when the recipient has received too many of these mails today.</returns>
    public async Task<bool> SendInvitationAsync(Transaction transaction, Guid tenant, Guid member, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "invite", MemberTokens.InviteLifetime, ct) is not { } token)
        {
            return true;
        }

        var to = await ReadRecipientAsync(transaction, member, ct);
        if (!await IsAllowedAsync(transaction, to.Email, ct))
        {
            return false;
        }

        var isKnown = await transaction.FindMemberAsync(to.Email, ct) is { HasAccount: true };
        await transaction.EnqueueAsync(clock, SignupMails.Invite(options, tenant, to, token, isKnown), ct);
        return true;
    }

    /// <summary>The link that sets a new password. Not limited per day: otherwise strangers could use up the limit and keep the person out.</summary>
    public async Task SendResetAsync(Transaction transaction, Guid tenant, Guid member, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "reset", MemberTokens.ResetLifetime, ct) is { } token)
        {
            var to = await ReadRecipientAsync(transaction, member, ct);
            await transaction.EnqueueAsync(clock, SignupMails.Reset(options, tenant, to.Email, token), ct);
        }
    }

    /// <summary>The link that confirms a person's new address.</summary>
    public async Task SendEmailChangeAsync(Transaction transaction, Guid tenant, Guid member, string newEmail, CancellationToken ct)
    {
        if (await transaction.IssueTokenAsync(tenant, member, "email", MemberTokens.EmailLifetime, ct, newEmail) is { } token
            && await IsAllowedAsync(transaction, newEmail, ct))
        {
            await transaction.EnqueueAsync(clock, SignupMails.ChangeEmail(options, tenant, newEmail, token), ct);
        }
    }

    /// <summary>Tells the former address, whose owner may not have made the change.</summary>
    public Task SendEmailChangedAsync(Transaction transaction, FoundToken token, string formerEmail, CancellationToken ct) =>
        transaction.EnqueueAsync(clock, SignupMails.EmailChanged(options, token, formerEmail), ct);

    async Task<bool> IsAllowedAsync(Transaction transaction, string email, CancellationToken ct)
    {
        var count = await transaction.CountAsync(RateCounter.Mail, EmailAddress.KeyOf(email), "", TimeSpan.FromDays(1), ct);
        return count.Used <= accounts.MailsPerRecipient;
    }

    static async Task<MailRecipient> ReadRecipientAsync(Transaction transaction, Guid member, CancellationToken ct) =>
        (await transaction.FirstAsync(Recipient, row => new MailRecipient(row.GetString(0), MailText.Name(row.GetString(1)), row.GetString(2)), ct, member))!;

    const string Recipient = """
        select m.email, t.organization, t.slug from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1
        """;
}

/// <param name="Organization">As it may appear in a mail: see <see cref="MailText"/>.</param>
sealed record MailRecipient(string Email, string Organization, string Slug);
