using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ControlPlane.Platform.Telemetry;

/// <summary>Source of the process' traces and metrics.</summary>
public static class Instrumentation
{
    public const string Name = "ControlPlane";

    public static readonly ActivitySource Source = new(Name);
    public static readonly Meter Meter = new(Name);
}
