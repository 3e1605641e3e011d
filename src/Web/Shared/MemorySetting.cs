using System.Globalization;

namespace ControlPlane.Web.Shared;

/// <summary>A setting for a part of the process's memory, in MiB.</summary>
static class MemorySetting
{
    const int MiB = 1024 * 1024;

    const int Maximum = 65_536;

    /// <param name="minimum">Of the setting, in MiB.</param>
    /// <param name="defaultPart">By default one such part of the process's memory, within <paramref name="defaultBounds"/> in MiB.</param>
    /// <returns>Bytes.</returns>
    /// <exception cref="SettingException">The value is invalid; the message says what to enter.</exception>
    public static long ReadMemory(this IConfiguration configuration, string name, int minimum, int defaultPart, (int Minimum, int Maximum) defaultBounds) =>
        configuration[name] switch
        {
            null or "" => Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / defaultPart, (long)defaultBounds.Minimum * MiB, (long)defaultBounds.Maximum * MiB),
            var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var mebibytes) && mebibytes >= minimum && mebibytes <= Maximum => (long)mebibytes * MiB,
            var text => throw new SettingException($"{name} is \"{text}\": enter the size in MiB, from {minimum} to {Maximum}."),
        };
}
