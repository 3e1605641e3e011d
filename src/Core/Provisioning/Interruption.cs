namespace ControlPlane.Provisioning;

/// <summary>What a measurement does meanwhile to the programs of an environment that a tenant may control, so that they cannot hide what they store.</summary>
public enum Interruption
{
    None,

    /// <summary>Nothing moves while it is counted.</summary>
    Pause,

    /// <summary>Files that were deleted, and that a program still has open, are released, and count. Users wait for a minute.</summary>
    Restart,
}
