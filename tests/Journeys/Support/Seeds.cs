using System.Globalization;

namespace ControlPlane.Tests.Support;

/// <summary>Seeds of random tests. Another one each time; a failure names it, and CONTROLPLANE_TEST_SEED repeats it.</summary>
static class Seeds
{
    public static int Next() => Environment.GetEnvironmentVariable("CONTROLPLANE_TEST_SEED") is { } given
        ? int.Parse(given, CultureInfo.InvariantCulture)
        : Random.Shared.Next();
}
