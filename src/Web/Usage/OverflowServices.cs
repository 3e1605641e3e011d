using System.Globalization;

namespace ControlPlane.Web.Usage;

/// <summary>Accepts usage while the database is unavailable. The host chooses the <see cref="IUsageOverflow"/>; without one, senders have to retry.</summary>
static class OverflowServices
{
    const string TimeToLiveSetting = "CONTROLPLANE_OVERFLOW_TRUST";
    const int DefaultSeconds = 900, MaximumSeconds = 86_400;

    /// <exception cref="SettingException">A setting is invalid.</exception>
    public static void AddUsageOverflow(this IServiceCollection services, IConfiguration configuration)
    {
        var timeToLive = TimeSpan.FromSeconds(configuration[TimeToLiveSetting] is { Length: > 0 } text ? Seconds(text) : DefaultSeconds);
        services.AddSingleton(_ => new VerifiedCallerCache(timeToLive, TimeProvider.System));
        services.AddSingleton<DatabaseCircuit>();
        services.AddSingleton<IngestUsage>();
        services.AddSingleton<DrainOverflow>();
    }

    static int Seconds(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= MaximumSeconds
        ? seconds
        : throw new SettingException($"{TimeToLiveSetting} is \"{text}\": must be between 0 (disabled) and {MaximumSeconds} seconds.");
}
