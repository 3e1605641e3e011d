using System.Globalization;

namespace ControlPlane.Tests.Support;

/// <summary>Seeds of randomized tests. Each run uses a new one; a failure prints it, and CONTROLPLANE_TEST_SEED repeats it.</summary>
static class Seeds
{
    public static int Next() => Environment.GetEnvironmentVariable("CONTROLPLANE_TEST_SEED") is { } configured
        ? int.Parse(configured, CultureInfo.InvariantCulture)
        : Random.Shared.Next();
}
