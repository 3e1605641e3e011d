using ControlPlane.Notifications.Mail;

namespace ControlPlane.Provisioning;

/// <summary>
/// The step <c>welcome</c>: tells the owner once, in the life of the environment, its address and how to sign in. The password itself is never mailed.
/// </summary>
public sealed class WelcomeMail(ControlPlaneOptions options, IDataPlane dataPlane, Clock clock)
{
    public async Task<string> QueueAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        if (environment.OwnerEmail is not { } owner)
        {
            return "no owner to notify";
        }

        var mail = new MailMessage(environment.Tenant, $"welcome:{environment.Tenant}", owner, "Your LLM environment is ready", Body(environment, owner));
        var isFirst = false;
        await lease.WriteAsync(
            async transaction =>
            {
                // Recorded with the environment, because the mail is deleted after its retention, and the step runs again when the environment is moved.
                isFirst = await transaction.ExecuteAsync(MarkWelcomed, ct, environment.Tenant, clock.GetUtcNow()) == 1;
                await (isFirst ? transaction.EnqueueAsync(clock, mail, ct) : Task.CompletedTask);
            },
            ct);
        return isFirst ? "mail to the owner" : "the owner was notified before";
    }

    string Body(TenantEnvironment environment, string owner) => $"""
        Hello,

        Your LLM environment for {MailText.Name(environment.Organization)} is ready.

          Address             {environment.Url.GetLeftPart(UriPartial.Authority)}
          First administrator {owner}
          Password            open {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app/environment and choose "Show its password"

        Change that password after your first sign-in, then invite your users from the environment's admin panel.
        {(dataPlane.Ready == IDataPlane.Rendered ? RenderedNote : "")}
        CFS LLM Platform
        """;

    const string MarkWelcomed = "update control.environment set welcomed_at = $2 where tenant_id = $1 and welcomed_at is null";

    const string RenderedNote = """

        This installation has no container engine. The environment's files have been created; its operator must start them.

        """;
}
