using ControlPlane.Notifications.Mail;

namespace ControlPlane.Provisioning;

/// <summary>The step <c>welcome</c>: tells the owner the environment's address and how to sign in. The password itself is never mailed.</summary>
public sealed class WelcomeMail(ControlPlaneOptions options, IDataPlane dataPlane, Clock clock)
{
    public async Task<string> QueueAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        if (environment.OwnerEmail is not { } owner)
        {
            return "no owner to notify";
        }

        var mail = new MailMessage(environment.Tenant, $"welcome:{environment.Tenant}", owner, "Your LLM environment is ready", Body(environment, owner));
        await lease.WriteAsync(transaction => transaction.EnqueueAsync(clock, mail, ct), ct);
        return "mail to the owner";
    }

    string Body(TenantEnvironment environment, string owner) => $"""
        Hello,

        Your LLM environment for {MailText.Name(environment.Organization)} is ready.

          Address             {environment.Url.GetLeftPart(UriPartial.Authority)}
          First administrator {owner}
          Password            open {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app/environment and choose "Show its password"

        Change that password after your first sign-in, then invite your users from the environment's admin panel.
        {(dataPlane.Ready == "rendered" ? RenderedNote : "")}
        CFS LLM Platform
        """;

    const string RenderedNote = """

        This installation has no container engine. The environment's files have been created; its operator must start them.

        """;
}
