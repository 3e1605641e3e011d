using System.Globalization;

namespace ControlPlane.Web.Shared;

static class CountSetting
{
    /// <summary>Reads a setting that is a whole number of at least 1.</summary>
    /// <param name="unit">For the message, e.g. "number per hour".</param>
    /// <exception cref="SettingException">The value is invalid; the message says what to enter.</exception>
    public static int ReadCount(this IConfiguration configuration, string name, int defaultValue, string unit, int maximum = 1_000_000) => configuration[name] switch
    {
        null => defaultValue,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= 1 && count <= maximum => count,
        var text => throw new SettingException($"{name} is \"{text}\": enter the {unit}, from 1 to {maximum}."),
    };
}
