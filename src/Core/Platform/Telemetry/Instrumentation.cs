using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ControlPlane.Platform.Telemetry;

/// <summary>The names under which traces and metrics leave the process.</summary>
public static class Instrumentation
{
    public const string Name = "ControlPlane";

    public static readonly ActivitySource Source = new(Name);
    public static readonly Meter Meter = new(Name);
}
