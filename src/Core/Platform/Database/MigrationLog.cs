using System.Globalization;
using DbUp.Engine.Output;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Platform.Database;

/// <summary>DbUp's log, for debugging: it tells every step, and every error several times. The migrator itself reports what counts.</summary>
sealed class MigrationLog(ILogger log) : IUpgradeLog
{
    public void LogTrace(string format, params object[] args) => Write(format, args);

    public void LogDebug(string format, params object[] args) => Write(format, args);

    public void LogInformation(string format, params object[] args) => Write(format, args);

    public void LogWarning(string format, params object[] args) => Write(format, args);

    public void LogError(string format, params object[] args) => Write(format, args);

    public void LogError(Exception ex, string format, params object[] args) => Write(format, args);

    void Write(string format, object[] args) =>
        log.LogDebug("DbUp: {Message}", args.Length == 0 ? format : string.Format(CultureInfo.InvariantCulture, format, args));
}
