namespace ControlPlane.Lambda;

/// <summary>The Lambda functions in this package. Each registers only the services that it needs; infra creates one of each.</summary>
static class Functions
{
    public const string Setting = "CONTROLPLANE_FUNCTION";

    public static IReadOnlyDictionary<string, Compose> All { get; } = new Dictionary<string, Compose>
    {
        ["api"] = ApiFunction.ComposeAsync,
        ["usage"] = UsageFunction.ComposeAsync,
        // The same part of the application, with a concurrency of its own: usage, which may be large and wait for locks, keeps no authorization waiting.
        ["authorize"] = UsageFunction.ComposeAsync,
        ["jobs"] = JobsFunction.ComposeAsync,
        ["provision"] = ProvisionFunction.ComposeAsync,
        ["database"] = DatabaseFunction.ComposeAsync,
    };

    /// <exception cref="SettingException">Unknown function.</exception>
    public static Compose Find(string? name) => All.TryGetValue(name ?? "", out var compose)
        ? compose
        : throw new SettingException($"{Setting} is \"{name}\": set it to one of {string.Join(", ", All.Keys)}.");
}
