namespace ControlPlane.Provisioning;

/// <summary>How many environments there may be, because everyone on the internet can sign up for one. docs/operations.md lists the settings.</summary>
public sealed record EnvironmentLimits
{
    /// <summary>Environments of this installation, suspended ones included. null: as many as the data plane carries.</summary>
    public int? Environments { get; init; }

    /// <summary>First environments of unapproved tenants, trials among them, within 24 hours.</summary>
    public int TrialsPerDay { get; init; } = 50;

    /// <summary>How many of the environments may be of unapproved tenants, in percent, rounded up: the others are left for approved ones.</summary>
    public int TrialShare { get; init; } = 50;
    /// <summary>Bytes of free disk space below which no environment is created.</summary>
    public long DiskReserve { get; init; } = 5L << 30;
}
