namespace ControlPlane.Web.Signup;

public static class SignupServices
{
    /// <summary>Use cases of signup, sign-in, members and keys, and the operators' view of tenants.</summary>
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static void AddSignup(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        services.AddSingleton(AccountSettings.Read(configuration, settings.Options.Sandbox));
        services.AddSingleton(SignupPolicySettings.Read(configuration));
        services.AddSingleton<AccountMails>();
        services.AddSingleton<MailTotals>();
        services.AddSingleton<MailedLinks>();
        services.AddSingleton<Passwords>();
        services.AddSingleton<PasswordAttempts>();
        services.AddSingleton<SignUp>();
        services.AddSingleton<SlugAvailability>();
        services.AddSingleton<VerifyAddress>();
        services.AddSingleton<DeclineSignup>();
        services.AddSingleton<CreateTenant>();
        services.AddSingleton<ApproveTenant>();
        services.AddSingleton<SignIn>();
        services.AddSingleton<SignOut>();
        services.AddSingleton<RequestReset>();
        services.AddSingleton<ChoosePassword>();
        services.AddSingleton<JoinTenant>();
        services.AddSingleton<SwitchTenant>();
        services.AddSingleton<OperatorSessions>();
        services.AddSingleton<ListOperators>();
        services.AddSingleton<CreateOperator>();
        services.AddSingleton<RevokeOperator>();
        services.AddSingleton<MemberList>();
        services.AddSingleton<InviteMember>();
        services.AddSingleton<ChangeEmail>();
        services.AddSingleton<ChangeRole>();
        services.AddSingleton<RemoveMember>();
        services.AddSingleton<CreateKey>();
        services.AddSingleton<RevokeKey>();
        services.AddSingleton<ListKeys>();
        services.AddSingleton<RotateWebhookSecret>();
        services.AddSingleton<ReleaseSlugs>();
        services.AddSingleton<TenantOverviews>();
    }
}
