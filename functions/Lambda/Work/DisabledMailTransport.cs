namespace ControlPlane.Lambda.Work;

/// <summary>Used when SMTP is not configured: mail stays in the outbox. Other hosts write it to a folder, which would not outlive the process here.</summary>
sealed class DisabledMailTransport : IMailTransport
{
    public Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct) => Task.FromResult<SendResult>(
        new SendResult.Unavailable("CONTROLPLANE_SMTP is not set: add it to the secret of CONTROLPLANE_SECRETS."));
}
