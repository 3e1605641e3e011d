using static ControlPlane.Provisioning.EnvironmentEvent;
using static ControlPlane.Provisioning.EnvironmentState;

namespace ControlPlane.Provisioning;

/// <summary>Where a tenant's environment stands. In SQL and JSON the same words in lower case.</summary>
public enum EnvironmentState { Requested, Provisioning, Ready, Failed, Updating, Suspended, Deleting, Deleted }

/// <summary>What moves an environment on: a wish (…Requested) or what became of a run.</summary>
public enum EnvironmentEvent
{
    ProvisionRequested, RestartRequested, SuspendRequested, ResumeRequested, DeleteRequested,
    WorkBegan, BroughtUp, Stopped, Removed, GaveUp,
}

/// <summary>The life of an environment as one table.</summary>
public static class EnvironmentLife
{
    /// <returns>null when the event comes late or makes no sense in that state: it is to be ignored.</returns>
    public static EnvironmentState? Next(EnvironmentState state, EnvironmentEvent e) => (state, e) switch
    {
        (Requested or EnvironmentState.Provisioning or Failed, ProvisionRequested) => Requested,
        (Ready or Updating, ProvisionRequested) => Updating,
        (Ready or Failed or Updating, RestartRequested) => Updating,
        (Requested or EnvironmentState.Provisioning or Ready or Failed or Updating, SuspendRequested) => Updating,
        (Suspended or Failed or Updating, ResumeRequested) => Updating,
        (not (Deleting or Deleted), DeleteRequested) => Deleting,

        (Requested, WorkBegan) => EnvironmentState.Provisioning,
        (EnvironmentState.Provisioning or Updating, BroughtUp) => Ready,
        (Updating, Stopped) => Suspended,
        (Deleting, Removed) => Deleted,
        (Requested or EnvironmentState.Provisioning or Updating or Deleting, GaveUp) => Failed,
        _ => null,
    };

    public static string Text(this EnvironmentState state) => state.ToString().ToLowerInvariant();

    public static EnvironmentState Parse(string text) => Enum.Parse<EnvironmentState>(text, ignoreCase: true);
}
