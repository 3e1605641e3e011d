using System.Globalization;

namespace ControlPlane.Local;

/// <summary>Usage overflow for a host with a disk: a spool folder.</summary>
static class SpoolServices
{
    const string Folder = "CONTROLPLANE_SPOOL", Limit = "CONTROLPLANE_SPOOL_LIMIT";
    const int DefaultLimitMebibytes = 1024;

    /// <exception cref="SettingException">A setting is wrong.</exception>
    public static void AddUsageSpool(this IServiceCollection services, IConfiguration configuration)
    {
        var limit = configuration[Limit] is { Length: > 0 } text ? Mebibytes(text) : DefaultLimitMebibytes;
        services.AddSingleton(provider => new UsageSpool(
            Path.GetFullPath(configuration[Folder] is { Length: > 0 } folder
                ? folder : Path.Combine(provider.GetRequiredService<ControlPlaneOptions>().DataDirectory, "spool")),
            limit * 1024L * 1024L, TimeProvider.System));
        services.AddSingleton<IUsageOverflow>(provider => provider.GetRequiredService<UsageSpool>());
        services.AddSingleton<DrainSpool>();
        services.AddHostedService<SpoolDrainer>();
    }

    static int Mebibytes(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
        ? limit
        : throw new SettingException($"{Limit} is \"{text}\": use the maximum size of the spool in MiB, such as {DefaultLimitMebibytes}; 0 disables it.");
}
