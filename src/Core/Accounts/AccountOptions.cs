namespace ControlPlane.Accounts;

/// <summary>How long sessions last, and how often accounts may be tried and mailed. docs/operations.md lists the settings.</summary>
public sealed record AccountOptions
{
    /// <summary>A member's session ends when it has not been used for this long.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromHours(12);

    /// <summary>A member's session ends this long after the sign-in, even if it is in use.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Failed sign-ins per hour to one account from one network or device.</summary>
    public int SignInAttempts { get; init; } = 20;

    /// <summary>Invitations per tenant and day.</summary>
    public int Invitations { get; init; } = 50;

    /// <summary>Confirmation and invitation mails per recipient and day. Whoever signs up or invites chooses the recipient.</summary>
    public int MailsPerRecipient { get; init; } = 10;
}
