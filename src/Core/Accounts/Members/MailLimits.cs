using System.Text;
using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Accounts.Members;

/// <summary>Why a mail with a link is sent.</summary>
/// <param name="Scope">Of <see cref="RateCounter"/>.</param>
/// <param name="IsToAccount">The recipient has confirmed the address.</param>
sealed record MailCause(string Scope, RequestOrigin Origin, bool IsToAccount = false);

/// <summary>
/// Limits the mails that someone other than their recipients causes. One network, known device or tenant may cause a part of a recipient's mails only, and known
/// devices come on top: a stranger cannot use up the mails that the owner of the address asks for. Mails to addresses that have not been confirmed are also
/// limited for all recipients together, because mail services stop senders whose mail bounces: those of visitors, and those of unapproved tenants. What an approved tenant
/// sends does not depend on what others send.
/// </summary>
sealed class MailLimits(Clock clock, AccountOptions accounts)
{
    /// <summary>What a caller is told to wait after too many refusals, which are counted over a day.</summary>
    static readonly TimeSpan AfterRefusals = TimeSpan.FromDays(1);

    /// <param name="tenant">That of the recipient's membership or signup.</param>
    /// <param name="hasLink">The recipient has a link for the same purpose and tenant that works.</param>
    /// <returns>When to try again; null when the mail may be sent.</returns>
    public async Task<TimeSpan?> CountAsync(Transaction transaction, MailCause cause, Guid tenant, string address, bool hasLink, CancellationToken ct)
    {
        var recipient = EmailAddress.KeyOf(address);
        var retryAfter = await transaction.CountAsync(cause.Scope, recipient, cause.Origin, accounts.MailsToRecipient, ct);
        if (retryAfter is not null && !hasLink)
        {
            retryAfter = await transaction.CountAsync(cause.Scope, recipient, cause.Origin, accounts.FurtherMailsToRecipient, ct);
        }

        return retryAfter ?? (cause.IsToAccount ? null : await CountUnconfirmedAsync(transaction, cause, tenant, ct));
    }

    // Whether the address has an account does not matter: the answer would show it.
    async Task<TimeSpan?> CountUnconfirmedAsync(Transaction transaction, MailCause cause, Guid tenant, CancellationToken ct)
    {
        var origin = cause.Origin;
        if (!origin.IsKnownDevice
            && await transaction.ScalarAsync<long>(
                "select control.refused_addresses_2($1, $2, $3, $4, $5)", ct, origin.NetworkName, tenant, KindsOf(cause), clock.GetUtcNow().AddDays(-1), QueueRetries.MaxAttempts)
            >= accounts.RefusedAddresses)
        {
            return AfterRefusals;
        }

        return origin.IsVisitor
            ? await transaction.CountAsync(RateCounter.SignupMails, [], origin, accounts.MailsToUnconfirmed, ct)
            : await CountOfTenantAsync(transaction, origin, tenant, ct);
    }

    // Many tenants that one network has signed up count as that network.
    async Task<TimeSpan?> CountOfTenantAsync(Transaction transaction, RequestOrigin origin, Guid tenant, CancellationToken ct)
    {
        var (isApproved, network) = await transaction.FirstAsync(Sender, row => (row.GetBoolean(0), row.Get<string>(1)), ct, tenant);
        return await transaction.CountAsync(RateCounter.TenantMails, Encoding.UTF8.GetBytes(origin.Name), accounts.MailsOfTenant(isApproved), ct)
            ?? (isApproved ? null : await transaction.CountAsync(
                RateCounter.UnapprovedMails, [], network is null ? RequestOrigin.Tenant(tenant) : RequestOrigin.Network(network), accounts.MailsToUnconfirmed, ct));
    }

    // What members do about their own address must not keep the tenant from inviting, and neither must mail that the platform sends by itself.
    static string[] KindsOf(MailCause cause) => cause switch
    {
        { Origin.IsVisitor: true } => ["verify", "reset"],
        { Scope: RateCounter.EmailChangeMail } => ["email"],
        _ => ["invite"],
    };

    const string Sender = $"select {TenantApproval.IsApproved}, t.signup_network from control.tenant t where t.id = $1";
}
