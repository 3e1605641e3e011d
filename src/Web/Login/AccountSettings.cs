namespace ControlPlane.Web.Login;

/// <summary>Settings of sessions, sign-ins and the mails of accounts.</summary>
static class AccountSettings
{
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static AccountOptions Read(IConfiguration configuration, bool sandbox)
    {
        var defaults = new AccountOptions();
        // In a sandbox, for demos and tests, all clients share one address and few recipients.
        var factor = sandbox ? 1000 : 1;
        return new AccountOptions
        {
            SessionIdle = TimeSpan.FromHours(configuration.ReadCount("CONTROLPLANE_SESSION_IDLE_HOURS", (int)defaults.SessionIdle.TotalHours, "hours", maximum: 8_760)),
            SessionLifetime = TimeSpan.FromDays(configuration.ReadCount("CONTROLPLANE_SESSION_DAYS", (int)defaults.SessionLifetime.TotalDays, "days", maximum: 365)),
            Sessions = configuration.ReadCount("CONTROLPLANE_LIMIT_SESSIONS", defaults.Sessions, "number per person", maximum: 1000),
            SignInAttempts = factor * configuration.ReadCount("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", defaults.SignInAttempts, "number per hour"),
            Invitations = factor * configuration.ReadCount("CONTROLPLANE_LIMIT_INVITATIONS", defaults.Invitations, "number per day"),
            UnconfirmedMails = factor * configuration.ReadCount("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS", defaults.UnconfirmedMails, "number per day"),
            UnconfirmedMailsPerOrigin =
                factor * configuration.ReadCount("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS_PER_NETWORK", defaults.UnconfirmedMailsPerOrigin, "number per day"),
            UnconfirmedMailsOfUnapproved = factor * defaults.UnconfirmedMailsOfUnapproved,
            RefusedAddresses = factor * defaults.RefusedAddresses,
            MailsPerRecipient = factor * configuration.ReadCount("CONTROLPLANE_LIMIT_MAILS_PER_RECIPIENT", defaults.MailsPerRecipient, "number per day"),
        };
    }
}
