using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The mails of accounts. Each has a key that names its occasion, so that none is sent twice.</summary>
static class SignupMails
{
    /// <param name="isKnown">The recipient can already sign in for other tenants.</param>
    public static MailMessage Verify(ControlPlaneOptions options, Guid tenant, MailRecipient to, string token, bool isKnown) => new(
        tenant, $"verify:{Key(token)}", to.Email, "Confirm your email address",
        $"""
        Welcome to CFS LLM Platform.

        Please confirm your email address. We will then set up the environment of {to.Organization}
        at {options.AddressOf(to.Slug)}:

        {Link(options, "/v1/verify", token)}

        The link is valid for 48 hours. Open it in the browser in which you signed up; in another one, you need the
        password that you chose.{(isKnown ? KnownNote : "")}

        If you did not sign up, someone else entered your address. You can ignore this email, and nothing will be set up, or open
        the link and choose “This wasn't me”, which deletes the signup.
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

    /// <summary>The link of a reset for an address that has no account yet.</summary>
    public static MailMessage ResetOfSignup(ControlPlaneOptions options, Guid tenant, MailRecipient to, string token) => new(
        tenant, $"reset:{Key(token)}", to.Email, "Choose a new password",
        $"""
        Someone, probably you, requested a new password for this email address. It has no account yet, only a signup
        for {to.Organization} at {options.AddressOf(to.Slug)} that is not confirmed. See what was requested here:

        {Link(options, "/reset", token)}

        If you signed up, choose a new password on that page: we will then set up your environment. If you did not, choose
        “This wasn't me”, which deletes the signup, or ignore this email. The link works once and is valid for one hour.
        """)
    { Urgent = true };

    /// <param name="isKnown">The recipient can already sign in for other tenants.</param>
    public static MailMessage Invite(ControlPlaneOptions options, Guid tenant, MailRecipient to, string token, bool isKnown) => new(
        tenant, $"invite:{Key(token)}", to.Email, $"Your access to {to.Organization} on CFS LLM Platform",
        $"""
        You have been invited to {to.Organization} on CFS LLM Platform. {(isKnown
            ? "Accept the invitation to add it to your account:"
            : "Choose your password to sign in:")}

        {Link(options, "/invite", token)}

        The link works once and is valid for 7 days. If you do not expect an invitation, ignore this email.
        """);

    public static MailMessage ChangeEmail(ControlPlaneOptions options, Guid tenant, string newEmail, string token) => new(
        tenant, $"email:{Key(token)}", newEmail, "Confirm your new email address",
        $"""
        Someone, probably you, wants to sign in to CFS LLM Platform with this email address from now on. Confirm it here:

        {Link(options, "/email", token)}

        The link works once and is valid for 24 hours. If this was not you, ignore this email: nothing will change.
        """)
    { Urgent = true };

    public static MailMessage EmailChanged(ControlPlaneOptions options, FoundToken token, string formerEmail) => new(
        token.Tenant, $"email-changed:{Convert.ToHexStringLower(token.Hash)}", formerEmail, "Your email address was changed",
        $"""
        The email address of your account on CFS LLM Platform was changed; this one can no longer be used to sign in.

        If this was not you, ask another owner of your organization, or the operator of {new Uri(options.PublicUrl, "/")}, for help.
        """);

    const string KnownNote = """


        You already have an account with this email address: the new environment is added to it, and your present
        password stays valid.
        """;

    static Uri Link(ControlPlaneOptions options, string path, string token) => new(options.PublicUrl, $"{path}?token={token}");

    // A hash, because the outbox keeps keys longer than it needs the token.
    static string Key(string token) => Convert.ToHexStringLower(Credentials.Hash(token));
}
