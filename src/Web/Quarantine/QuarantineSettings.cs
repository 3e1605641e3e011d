using System.Globalization;

namespace ControlPlane.Web.Quarantine;

/// <summary>How much each tenant may have in quarantine.</summary>
static class QuarantineSettings
{
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static QuarantineQuota Read(IConfiguration configuration) => new(
        Number(configuration, "CONTROLPLANE_QUARANTINE_EVENTS", 50_000, "events"),
        Number(configuration, "CONTROLPLANE_QUARANTINE_MIB", 256, "MiB") * 1024 * 1024);

    /// <summary>In a sandbox, tenants need no environment.</summary>
    public static QuarantineQuota ForHost(this QuarantineQuota quota, bool isSandbox) => quota with { BeforeReady = isSandbox ? 1 : 50 };

    static long Number(IConfiguration configuration, string name, int defaultValue, string unit) => configuration[name] switch
    {
        null or "" => defaultValue,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1_000_000 => number,
        var text => throw new SettingException($"{name} is \"{text}\": enter the {unit} per tenant, from 1 to 1000000."),
    };
}
