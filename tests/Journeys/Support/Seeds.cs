using System.Globalization;

namespace ControlPlane.Tests.Support;

/// <summary>Seeds and duration of randomized tests. Each run uses a new seed; a failure prints it, and CONTROLPLANE_TEST_SEED repeats it.</summary>
static class Seeds
{
    public static int Next() => Environment.GetEnvironmentVariable("CONTROLPLANE_TEST_SEED") is { } configured
        ? int.Parse(configured, CultureInfo.InvariantCulture)
        : Random.Shared.Next();

    /// <summary>How long fuzzing goes on after its first round: CONTROLPLANE_FUZZ_MINUTES, by default not at all.</summary>
    public static TimeSpan FuzzingTime => Environment.GetEnvironmentVariable("CONTROLPLANE_FUZZ_MINUTES") is { Length: > 0 } minutes
        ? TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture))
        : TimeSpan.Zero;
}
