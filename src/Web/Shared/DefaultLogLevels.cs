namespace ControlPlane.Web.Shared;

/// <summary>Log levels of the framework in every host. Environment variables override them.</summary>
public static class DefaultLogLevels
{
    public static IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["Logging:LogLevel:Default"] = "Warning",
        // Warns at every first start that its keys are unencrypted in the database. They only protect forms; the database holds more sensitive data.
        ["Logging:LogLevel:Microsoft.AspNetCore.DataProtection"] = "Error",
        // Logs full URLs, some of which contain the token of a mailed link.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "Warning",
        // Repeats, with a stack trace, what the program reports in one line.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "Critical",
    };
}
