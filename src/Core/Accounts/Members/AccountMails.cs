using ControlPlane.Accounts.Tenants;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Members;

/// <summary>
/// Queues the mails with a link that an account needs, each at most once a minute. Whoever signs up, invites or asks for a link chooses the recipient, so
/// an address gets a limited number of each kind a day (<see cref="MailLimits"/>).
/// </summary>
public sealed class AccountMails(Clock clock, ControlPlaneOptions options, AccountOptions accounts)
{
    readonly MailLimits _limits = new(clock, accounts);

    /// <summary>The link that confirms an address and activates a pending tenant. Its token also determines when an unconfirmed signup is purged.</summary>
    /// <returns>When to try again, if too many of these mails were sent today: nothing was queued.</returns>
    public Task<TimeSpan?> SendVerificationAsync(Transaction transaction, Guid tenant, Guid member, RequestOrigin origin, CancellationToken ct) =>
        SendAsync(
            transaction, tenant, member, "verify", MemberTokens.VerifyLifetime, new MailCause(RateCounter.SignupMail, origin),
            async (to, token) => SignupMails.Verify(options, tenant, to, token, await transaction.FindMemberAsync(to.Email, ct) is { HasAccount: true }), ct);

    /// <param name="origin">The tenant that invites; null: an operator, who is not limited.</param>
    /// <returns>When to try again, if too many of these mails were sent today: nothing was queued.</returns>
    public Task<TimeSpan?> SendInvitationAsync(Transaction transaction, Guid tenant, Guid member, RequestOrigin? origin, CancellationToken ct) =>
        SendAsync(
            transaction, tenant, member, "invite", MemberTokens.InviteLifetime, origin is null ? null : new MailCause(RateCounter.InvitationMail, origin),
            async (to, token) => SignupMails.Invite(options, tenant, to, token, await transaction.FindMemberAsync(to.Email, ct) is { HasAccount: true }), ct);

    /// <summary>The link of an open invitation once more, at the request of its recipient.</summary>
    public Task SendInvitationAgainAsync(Transaction transaction, Guid tenant, Guid member, RequestOrigin origin, CancellationToken ct) =>
        SendAsync(
            transaction, tenant, member, "invite", MemberTokens.InviteLifetime, new MailCause(RateCounter.ResetMail, origin),
            (to, token) => Task.FromResult(SignupMails.Invite(options, tenant, to, token, isKnown: false)), ct);

    /// <summary>
    /// The link that sets a new password. An account gets one beyond the limit whenever it has no other that works: however many strangers ask for links,
    /// its owner has one that works.
    /// </summary>
    public async Task SendResetAsync(Transaction transaction, Guid tenant, Guid member, bool hasAccount, RequestOrigin origin, CancellationToken ct)
    {
        var cause = hasAccount && !await transaction.HasUsableTokenAsync(member, "reset", newEmail: null, ct) ? null : new MailCause(RateCounter.ResetMail, origin, hasAccount);
        await SendAsync(
            transaction, tenant, member, "reset", MemberTokens.ResetLifetime, cause,
            (to, token) => Task.FromResult(hasAccount ? SignupMails.Reset(options, tenant, to.Email, token) : SignupMails.ResetOfSignup(options, tenant, to, token)), ct);
    }

    /// <summary>The link that confirms a person's new address.</summary>
    /// <returns>When to try again, if too many of these mails were sent today: nothing was queued.</returns>
    public Task<TimeSpan?> SendEmailChangeAsync(Transaction transaction, Guid tenant, Guid member, string newEmail, CancellationToken ct) =>
        SendAsync(
            transaction, tenant, member, "email", MemberTokens.EmailLifetime, new MailCause(RateCounter.EmailChangeMail, RequestOrigin.Member(member)),
            (_, token) => Task.FromResult(SignupMails.ChangeEmail(options, tenant, newEmail, token)), ct, newEmail);

    /// <summary>Tells the former address, whose owner may not have made the change.</summary>
    public Task SendEmailChangedAsync(Transaction transaction, FoundToken token, string formerEmail, CancellationToken ct) =>
        transaction.EnqueueAsync(clock, SignupMails.EmailChanged(options, token, formerEmail), ct);

    /// <param name="cause">null: no limit.</param>
    async Task<TimeSpan?> SendAsync(
        Transaction transaction, Guid tenant, Guid member, string purpose, TimeSpan lifetime, MailCause? cause,
        Func<MailRecipient, string, Task<MailMessage>> compose, CancellationToken ct, string? newEmail = null)
    {
        var hasLink = await transaction.HasUsableTokenAsync(member, purpose, newEmail, ct);
        // Before the limits, because a request within a minute of the last one sends no mail and does not count.
        if (await transaction.IssueTokenAsync(tenant, member, purpose, lifetime, ct, newEmail) is not { } token)
        {
            return null;
        }

        var to = await ReadRecipientAsync(transaction, member, ct);
        if (cause is not null && await _limits.CountAsync(transaction, cause, tenant, newEmail ?? to.Email, hasLink, ct) is { } retryAfter)
        {
            await transaction.WithdrawTokenAsync(token, ct);
            return retryAfter;
        }

        await transaction.EnqueueAsync(clock, await compose(to, token), ct);
        return null;
    }

    static async Task<MailRecipient> ReadRecipientAsync(Transaction transaction, Guid member, CancellationToken ct) =>
        (await transaction.FirstAsync(Recipient, row => new MailRecipient(row.GetString(0), MailText.Name(row.GetString(1)), row.GetString(2)), ct, member))!;

    const string Recipient = """
        select m.email, t.organization, t.slug from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1
        """;
}

/// <param name="Organization">As it may appear in a mail: see <see cref="MailText"/>.</param>
sealed record MailRecipient(string Email, string Organization, string Slug);
