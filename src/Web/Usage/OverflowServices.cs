using System.Globalization;

namespace ControlPlane.Web.Usage;

/// <summary>Taking usage while the database is away. Where it waits is the host's choice: without an <see cref="IUsageOverflow"/>, senders have to repeat.</summary>
static class OverflowServices
{
    const string Trust = "CONTROLPLANE_OVERFLOW_TRUST";
    const int DefaultTrustSeconds = 900, MostTrustSeconds = 86_400;

    /// <exception cref="SettingException">A setting is wrong.</exception>
    public static void AddUsageOverflow(this IServiceCollection services, IConfiguration configuration)
    {
        var trust = TimeSpan.FromSeconds(configuration[Trust] is { Length: > 0 } text ? Seconds(text) : DefaultTrustSeconds);
        services.AddSingleton(_ => new VerifiedCallerCache(trust, TimeProvider.System));
        services.AddSingleton<DatabaseCircuit>();
        services.AddSingleton<IngestUsage>();
        services.AddSingleton<DrainOverflow>();
    }

    static int Seconds(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= MostTrustSeconds
        ? seconds
        : throw new SettingException($"{Trust} is \"{text}\": give seconds from 0 (believe nobody) to {MostTrustSeconds}.");
}
