namespace ControlPlane.Web.Shared;

/// <summary>What the framework says in every host, and what it keeps to itself. Settings of the environment win.</summary>
public static class DefaultLogLevels
{
    public static IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["Logging:LogLevel:Default"] = "Warning",
        // Warns at every first start that its keys lie in the database unencrypted. They guard forms, and the database guards more than that.
        ["Logging:LogLevel:Microsoft.AspNetCore.DataProtection"] = "Error",
        // Its lines hold whole addresses, and some have the token of a mail's link in them.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "Warning",
        // Says again, with a stack trace, what the host's program says in one line.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "Critical",
    };
}
