using static ControlPlane.Provisioning.EnvironmentState;

namespace ControlPlane.Provisioning;

/// <summary>Where a tenant's environment stands. In SQL and JSON the same words in lower case.</summary>
public enum EnvironmentState { Requested, Provisioning, Ready, Failed, Updating, Suspended, Deleting, Deleted }

/// <summary>What moves an environment on: a wish (…Requested) or what became of a run.</summary>
public enum EnvironmentEvent
{
    ProvisionRequested, RestartRequested, SuspendRequested, ResumeRequested, DeleteRequested,
    Started, Provisioned, Stopped, Deleted, Failed,
}

/// <summary>The life of an environment as one table.</summary>
public static class EnvironmentStateMachine
{
    /// <returns>null when the event comes late or makes no sense in that state: it is to be ignored.</returns>
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
