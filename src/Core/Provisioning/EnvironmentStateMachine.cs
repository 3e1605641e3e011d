using static ControlPlane.Provisioning.EnvironmentState;

namespace ControlPlane.Provisioning;

/// <summary>The state of a tenant's environment. In SQL and JSON the names are in lower case.</summary>
public enum EnvironmentState { Requested, Provisioning, Ready, Failed, Updating, Suspended, Deleting, Deleted }

/// <summary>What changes an environment's state: a request, or the outcome of a run.</summary>
public enum EnvironmentEvent
{
    ProvisionRequested, RestartRequested, SuspendRequested, ResumeRequested, DeleteRequested,
    Started, Provisioned, Stopped, Deleted, Failed,
}

/// <summary>The transitions between an environment's states.</summary>
public static class EnvironmentStateMachine
{
    /// <returns>null when the event comes late or does not apply in that state: ignore it.</returns>
    public static EnvironmentState? Next(EnvironmentState state, EnvironmentEvent e) => (state, e) switch
    {
        (Requested or EnvironmentState.Provisioning or Failed, EnvironmentEvent.ProvisionRequested) => Requested,
        (Ready or Updating, EnvironmentEvent.ProvisionRequested) => Updating,
        (Ready or Failed or Updating, EnvironmentEvent.RestartRequested) => Updating,
        (Requested or EnvironmentState.Provisioning or Ready or Failed or Updating, EnvironmentEvent.SuspendRequested) => Updating,
        (Suspended or Failed or Updating, EnvironmentEvent.ResumeRequested) => Updating,
        (not (Deleting or Deleted), EnvironmentEvent.DeleteRequested) => Deleting,

        (Requested, EnvironmentEvent.Started) => EnvironmentState.Provisioning,
        (EnvironmentState.Provisioning or Updating, EnvironmentEvent.Provisioned) => Ready,
        (Updating, EnvironmentEvent.Stopped) => Suspended,
        (Deleting, EnvironmentEvent.Deleted) => Deleted,
        (Requested or EnvironmentState.Provisioning or Updating or Deleting, EnvironmentEvent.Failed) => Failed,
        _ => null,
    };

    public static string Text(this EnvironmentState state) => state.ToString().ToLowerInvariant();

    public static EnvironmentState Parse(string text) => Enum.Parse<EnvironmentState>(text, ignoreCase: true);
}
