namespace ControlPlane.Provisioning;

/// <summary>What a provisioning run is for.</summary>
public static class RunKinds
{
    public const string Provision = "provision";
    public const string Restart = "restart";
    public const string Suspend = "suspend";
    public const string Resume = "resume";
    public const string Delete = "delete";

    /// <summary>What asking for a run of this kind is to the environment.</summary>
    public static EnvironmentEvent RequestEventFor(string kind) => kind switch
    {
        Provision => EnvironmentEvent.ProvisionRequested,
        Restart => EnvironmentEvent.RestartRequested,
        Suspend => EnvironmentEvent.SuspendRequested,
        Resume => EnvironmentEvent.ResumeRequested,
        Delete => EnvironmentEvent.DeleteRequested,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of provisioning run."),
    };

    /// <summary>What it is to the environment that such a run came to its end.</summary>
    public static EnvironmentEvent Outcome(string kind) => kind switch
    {
        Suspend => EnvironmentEvent.Stopped,
        Delete => EnvironmentEvent.Deleted,
        _ => EnvironmentEvent.Provisioned,
    };

    /// <summary>What a new wish does to the run that is under way: one tenant never has two.</summary>
    public static RunConflict Decide(string? active, string wanted) => (active, wanted) switch
    {
        (null, _) => RunConflict.Queue,
        (var same, _) when same == wanted => RunConflict.RunNow,
        (Delete, _) => RunConflict.Ignore,
        (_, Delete or Suspend) => RunConflict.Replace,
        (Suspend, Resume) => RunConflict.Replace,
        // Every other run ends with the environment up or, when suspending, must not be undone by the way.
        _ => RunConflict.Ignore,
    };
}

public enum RunConflict
{
    /// <summary>Nothing is under way.</summary>
    Queue,
    /// <summary>The same is under way already: if it waits for its next attempt, it waits no longer.</summary>
    RunNow,
    /// <summary>What is under way goes on; the wish is contained in it or comes too late.</summary>
    Ignore,
    /// <summary>What is under way is cancelled; its worker finds its fencing token out of date and stops.</summary>
    Replace,
}
