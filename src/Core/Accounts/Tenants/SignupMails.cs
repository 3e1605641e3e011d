using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The words of every mail that Signup sends. Keys name the occasion, so that none goes out twice.</summary>
static class SignupMails
{
    public static MailMessage Verify(ControlPlaneOptions options, Guid tenant, string email, string organization, string slug, string token) => new(
        tenant, $"verify:{Key(token)}", email, "Confirm your address to start your environment",
        $"""
        Welcome to CFS LLM Platform.

        Confirm this address, and we set up the environment of {organization}
        at {options.AddressOf(slug)}:

        {Link(options, "/v1/verify", token)}

        The link works for 48 hours. If you did not sign up, ignore this mail: nothing is set up.
        """);

    /// <param name="hour">At most one such mail goes out per address and hour.</param>
    public static MailMessage AlreadyKnown(ControlPlaneOptions options, Guid tenant, Guid knownMember, string email, DateTimeOffset hour) => new(
        tenant, FormattableString.Invariant($"known:{knownMember}:{hour:yyyyMMddHH}"), email, "You already have an account",
        $"""
        Somebody, probably you, signed up for CFS LLM Platform with this address. It has an account already,
        and an address can have only one, so no second one was made.

        Sign in:                {Page(options, "/login")}
        Forgot your password?   {Page(options, "/forgot")}

        For a second organization, sign up with another address. If it was not you, ignore this mail.
        """);

    public static MailMessage Reset(ControlPlaneOptions options, Guid tenant, string email, string token) => new(
        tenant, $"reset:{Key(token)}", email, "Choose a new password",
        $"""
        Somebody, probably you, asked for a new password for this address. Choose it here:

        {Link(options, "/reset", token)}

        The link works once, for one hour, and signs you out everywhere. If it was not you, ignore this mail:
        your password stays as it is.
        """);

    public static MailMessage Invite(ControlPlaneOptions options, Guid tenant, string email, string organization, string token) => new(
        tenant, $"invite:{Key(token)}", email, $"Your access to {organization} on CFS LLM Platform",
        $"""
        You may sign in for {organization} on CFS LLM Platform. Choose your password here:

        {Link(options, "/invite", token)}

        The link works once, for 7 days. Later, {Page(options, "/forgot")} sends a new one.
        """);

    /// <summary>To somebody who has an account elsewhere: the invitation cannot be accepted, and the inviter is not told why.</summary>
    public static MailMessage InvitedElsewhere(ControlPlaneOptions options, Guid tenant, Guid member, string email, string organization) => new(
        tenant, $"invite:{member}", email, $"{organization} invites you on CFS LLM Platform",
        $"""
        {organization} invites you on CFS LLM Platform. This address has an account for another organization there,
        and an address can have only one. To accept, ask {organization} to invite another address of yours.

        Your account: {Page(options, "/login")}
        """);

    static Uri Page(ControlPlaneOptions options, string path) => new(options.PublicUrl, path);

    static Uri Link(ControlPlaneOptions options, string path, string token) => new(options.PublicUrl, $"{path}?token={token}");

    // The outbox keeps keys longer than it needs the token.
    static string Key(string token) => Convert.ToHexStringLower(Credentials.Hash(token));
}
