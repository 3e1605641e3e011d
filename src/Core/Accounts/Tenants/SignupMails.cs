using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The mails of accounts. Each has a key that names its occasion, so that none is sent twice.</summary>
static class SignupMails
{
    public static MailMessage Verify(ControlPlaneOptions options, Guid tenant, string email, string organization, string slug, string token) => new(
        tenant, $"verify:{Key(token)}", email, "Confirm your email address",
        $"""
        Welcome to CFS LLM Platform.

        Please confirm your email address. We will then set up the environment of {organization}
        at {options.AddressOf(slug)}:

        {Link(options, "/v1/verify", token)}

        The link is valid for 48 hours. If you did not sign up, ignore this email: nothing will be set up.
        """)
    { Urgent = true };

    /// <param name="hour">At most one such mail is sent per address and hour.</param>
    public static MailMessage AlreadyKnown(ControlPlaneOptions options, Guid tenant, Guid knownMember, string email, DateTimeOffset hour) => new(
        tenant, FormattableString.Invariant($"known:{knownMember}:{hour:yyyyMMddHH}"), email, "You already have an account",
        $"""
        Someone, probably you, signed up for CFS LLM Platform with this email address. It already has an account,
        and an address can have only one, so no second account was created.

        Sign in:                {Page(options, "/login")}
        Forgot your password?   {Page(options, "/forgot")}

        To sign up a second organization, use another email address. If this was not you, ignore this email.
        """)
    { Urgent = true };

    public static MailMessage Reset(ControlPlaneOptions options, Guid tenant, string email, string token) => new(
        tenant, $"reset:{Key(token)}", email, "Choose a new password",
        $"""
        Someone, probably you, requested a new password for this email address. Choose it here:

        {Link(options, "/reset", token)}

        The link works once and is valid for one hour. Choosing a new password signs you out on all devices.
        If this was not you, ignore this email: your password stays unchanged.
        """)
    { Urgent = true };

    public static MailMessage Invite(ControlPlaneOptions options, Guid tenant, string email, string organization, string token) => new(
        tenant, $"invite:{Key(token)}", email, $"Your access to {organization} on CFS LLM Platform",
        $"""
        You have been invited to {organization} on CFS LLM Platform. Choose your password to sign in:

        {Link(options, "/invite", token)}

        The link works once and is valid for 7 days. You can request a new one at {Page(options, "/forgot")}.
        """);

    /// <summary>The recipient has an account for another tenant: the invitation cannot be accepted, and the inviter is not told why.</summary>
    public static MailMessage InvitedElsewhere(ControlPlaneOptions options, Guid tenant, Guid member, string email, string organization) => new(
        tenant, $"invite:{member}", email, $"{organization} invites you to CFS LLM Platform",
        $"""
        {organization} invites you to CFS LLM Platform. Your email address already has an account for another organization,
        and an address can have only one. To accept, ask {organization} to invite another address of yours.

        Your account: {Page(options, "/login")}
        """);

    static Uri Page(ControlPlaneOptions options, string path) => new(options.PublicUrl, path);

    static Uri Link(ControlPlaneOptions options, string path, string token) => new(options.PublicUrl, $"{path}?token={token}");

    // A hash, because the outbox keeps keys longer than it needs the token.
    static string Key(string token) => Convert.ToHexStringLower(Credentials.Hash(token));
}
