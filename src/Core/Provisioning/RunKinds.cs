namespace ControlPlane.Provisioning;

/// <summary>What a provisioning run is for.</summary>
public static class RunKinds
{
    public const string Provision = "provision";
    public const string Restart = "restart";
    public const string Suspend = "suspend";
    public const string Resume = "resume";
    public const string Delete = "delete";

    /// <summary>The event that a request for a run of this kind is to the environment.</summary>
    public static EnvironmentEvent RequestEventFor(string kind) => kind switch
    {
        Provision => EnvironmentEvent.ProvisionRequested,
        Restart => EnvironmentEvent.RestartRequested,
        Suspend => EnvironmentEvent.SuspendRequested,
        Resume => EnvironmentEvent.ResumeRequested,
        Delete => EnvironmentEvent.DeleteRequested,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of provisioning run."),
    };

    /// <summary>The event that the success of such a run is to the environment.</summary>
    public static EnvironmentEvent Outcome(string kind) => kind switch
    {
        Suspend => EnvironmentEvent.Stopped,
        Delete => EnvironmentEvent.Deleted,
        _ => EnvironmentEvent.Provisioned,
    };

    /// <summary>How a new request affects the active run: a tenant never has two.</summary>
    public static RunConflict Decide(string? active, string requested) => (active, requested) switch
    {
        (null, _) => RunConflict.Queue,
        (var same, _) when same == requested => RunConflict.RunNow,
        (Delete, _) => RunConflict.Ignore,
        (_, Delete or Suspend) => RunConflict.Replace,
        (Suspend, Resume) => RunConflict.Replace,
        // Every other active run either brings the environment up anyway or, when suspending, must not be undone by this request.
        _ => RunConflict.Ignore,
    };
}

public enum RunConflict
{
    /// <summary>No run is active: queue the new one.</summary>
    Queue,
    /// <summary>A run of the same kind is active: if it is delayed, end the delay.</summary>
    RunNow,
    /// <summary>The active run continues; it covers the request, or the request comes too late.</summary>
    Ignore,
    /// <summary>Cancel the active run, whose worker finds its fencing token out of date and stops, and queue the new one.</summary>
    Replace,
}
