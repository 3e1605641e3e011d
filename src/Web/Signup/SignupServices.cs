namespace ControlPlane.Web.Signup;

public static class SignupServices
{
    /// <summary>Use cases of signup, sign-in, members and keys, and the operators' view of tenants.</summary>
    public static void AddSignup(this IServiceCollection services)
    {
        services.AddSingleton<Passwords>();
        services.AddSingleton<SignUp>();
        services.AddSingleton<SlugAvailability>();
        services.AddSingleton<VerifyAddress>();
        services.AddSingleton<CreateTenant>();
        services.AddSingleton<SignIn>();
        services.AddSingleton<SignOut>();
        services.AddSingleton<RequestReset>();
        services.AddSingleton<ChoosePassword>();
        services.AddSingleton<OperatorSessions>();
        services.AddSingleton<MemberList>();
        services.AddSingleton<InviteMember>();
        services.AddSingleton<RemoveMember>();
        services.AddSingleton<CreateKey>();
        services.AddSingleton<RevokeKey>();
        services.AddSingleton<ListKeys>();
        services.AddSingleton<RotateWebhookSecret>();
        services.AddSingleton<PurgeExpiredSignups>();
        services.AddSingleton<TenantOverviews>();
    }
}
