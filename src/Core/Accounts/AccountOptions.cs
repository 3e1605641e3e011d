namespace ControlPlane.Accounts;

/// <summary>How long sessions last, and how often accounts may be tried and mailed. docs/operations.md lists the settings.</summary>
public sealed record AccountOptions
{
    /// <summary>How many networks' worth of attempts all networks may make together: against attempts that are distributed over networks.</summary>
    const int Networks = 5;

    /// <summary>How many times as many networks or tenants as usual may each cause one more mail to a recipient who has no link of theirs.</summary>
    const int Further = 10;

    /// <summary>How many accounts' worth of attempts one network may make: against attempts that are distributed over accounts.</summary>
    const int Accounts = 10;

    /// <summary>A member's session ends when it has not been used for this long.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromHours(12);

    /// <summary>A member's session ends this long after the sign-in, even if it is in use.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Sessions of one person in all tenants together. A further sign-in ends the one that has not been used for longest.</summary>
    public int Sessions { get; init; } = 20;

    /// <summary>Failed sign-ins per hour to one account from one network or device.</summary>
    public int SignInAttempts { get; init; } = 20;

    /// <summary>Invitations per tenant and day.</summary>
    public int Invitations { get; init; } = 50;

    /// <summary>Mails of one kind per recipient and day that one network, known device or tenant causes.</summary>
    public int MailsPerRecipient { get; init; } = 3;

    /// <summary>Mails per day to addresses that have not been confirmed: signups of all networks, and as many invitations and new addresses of all unapproved tenants.</summary>
    public int UnconfirmedMails { get; init; } = 1_000;

    /// <summary>The same of one network or known device, and of the tenants that one network has signed up; of an approved tenant, and of each of its members.</summary>
    public int UnconfirmedMailsPerOrigin { get; init; } = 50;

    /// <summary>The same of one unapproved tenant, and of each of its members.</summary>
    public int UnconfirmedMailsOfUnapproved { get; init; } = 5;

    /// <summary>Addresses per day that may refuse mail which one network or tenant has caused. After that, it causes no more to unconfirmed addresses.</summary>
    public int RefusedAddresses { get; init; } = 5;

    internal RateLimit SignInsToAccount => new(SignInAttempts, Networks * SignInAttempts, TimeSpan.FromHours(1));

    internal RateLimit SignInsFromNetwork => new(Accounts * SignInAttempts, Accounts * SignInAttempts, TimeSpan.FromHours(1));

    internal RateLimit MailsToRecipient => new(MailsPerRecipient, Networks * MailsPerRecipient, TimeSpan.FromDays(1));

    /// <summary>Beyond <see cref="MailsToRecipient"/>: strangers from a few networks must not keep a person from the only link of a signup or invitation.</summary>
    internal RateLimit FurtherMailsToRecipient => new(1, Further * Networks * MailsPerRecipient, TimeSpan.FromDays(1));

    internal RateLimit MailsToUnconfirmed => new(UnconfirmedMailsPerOrigin, UnconfirmedMails, TimeSpan.FromDays(1));

    internal RateLimit MailsOfTenant(bool isApproved)
    {
        var count = isApproved ? UnconfirmedMailsPerOrigin : UnconfirmedMailsOfUnapproved;
        return new(count, count, TimeSpan.FromDays(1));
    }

    internal RateLimit InvitationsOfTenant => new(Invitations, Invitations, TimeSpan.FromDays(1));
}
