namespace ControlPlane.Lambda.Work;

/// <summary>In the place of mail that would be written to a disk which is gone with the process: it waits in the outbox.</summary>
sealed class DisabledMailTransport : IMailTransport
{
    public Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct) => Task.FromResult<SendResult>(
        new SendResult.Away("CONTROLPLANE_SMTP is not set: put it into the secret of CONTROLPLANE_SECRETS."));
}

/// <summary>In the place of environments that would be rendered to that disk: the run fails, says why, and is there to be retried.</summary>
sealed class UnsupportedDataPlane : IDataPlane
{
    public string Ready => "nowhere";

    public Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) => Fail();

    public Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    static Task<string> Fail() => Task.FromException<string>(
        new StepFailedException("This release has no data plane for AWS: there is nothing yet that would run the environment on the cluster."));
}
