using System.Text.Json;

namespace ControlPlane.Infra;

/// <summary>
/// Reads and validates a stack's configuration. Problems are collected, so that one run reports all of them.
/// </summary>
/// <param name="read">Returns the value of a full key such as <c>vps:host</c>; lists and objects are JSON, as Pulumi passes them.</param>
public sealed class Settings(Func<string, string?> read)
{
    readonly List<string> _problems = [];
    readonly List<Setting> _known = [];

    /// <summary>All settings that were read, in order. The table in docs/deploy.md is generated from them.</summary>
    public IReadOnlyList<Setting> Known => _known;

    public string OneOf(string key, string[] allowed, string? defaultValue, string description) =>
        Read(key, $"one of {string.Join(", ", allowed)}", defaultValue, description, value => allowed.Contains(value) ? value : null) ?? allowed[0];

    public T OneOf<T>(string key, T? defaultValue, string description) where T : struct, Enum =>
        Enum.Parse<T>(ignoreCase: true, value: OneOf(
            key, [.. Enum.GetNames<T>().Select(name => name.ToLowerInvariant())], defaultValue?.ToString().ToLowerInvariant(), description));

    public bool Flag(string key, bool defaultValue, string description) =>
        OneOf(key, ["true", "false"], defaultValue ? "true" : "false", description) == "true";

    /// <param name="allowed">The allowed values, for error messages and documentation: "an IPv4 address, e.g. 192.0.2.10".</param>
    public string Text(string key, Func<string, bool> matches, string allowed, string? defaultValue, string description) =>
        Read(key, allowed, defaultValue, description, value => matches(value) ? value : null) ?? "";

    /// <returns><c>null</c> if the setting is absent.</returns>
    public string? Optional(string key, Func<string, bool> matches, string allowed, string description) =>
        Text(key, value => value.Length == 0 || matches(value), allowed + ", or empty", "", description) is { Length: > 0 } value ? value : null;

    public int Number(string key, int defaultValue, int from, int to, string description) =>
        Read<int?>(key, string.Create(null, $"a whole number from {from} to {to}"), defaultValue.ToString(null, null), description,
            value => int.TryParse(value, null, out var number) && number >= from && number <= to ? number : null)
        ?? defaultValue;

    /// <param name="defaultValue"><c>null</c>: the setting is required.</param>
    public IReadOnlyList<string> List(string key, Func<string, bool> matches, string allowed, string[]? defaultValue, string description)
    {
        var mayBeEmpty = defaultValue is { Length: 0 };
        return Read<string[]>(key, $"a list of {allowed}", defaultValue is null ? null : JsonSerializer.Serialize(defaultValue), description,
            value => Parse<string[]>(value) is { } items && items.All(item => item is not null && matches(item)) && (items.Length > 0 || mayBeEmpty) ? items : null)
        ?? defaultValue ?? [];
    }

    /// <param name="defaultValue"><c>null</c>: the setting is required.</param>
    public IReadOnlyDictionary<string, string> Map(
        string key, Func<string, string, bool> matches, string allowed, IReadOnlyDictionary<string, string>? defaultValue, string description) =>
        Read<IReadOnlyDictionary<string, string>>(key, allowed, defaultValue is null ? null : JsonSerializer.Serialize(defaultValue), description,
            value => Parse<Dictionary<string, string>>(value) is { } map && map.All(entry => matches(entry.Key, entry.Value)) ? map : null)
        ?? defaultValue ?? new Dictionary<string, string>();

    /// <summary>Validates a combination of settings.</summary>
    public void Require(bool condition, string problem)
    {
        if (!condition)
        {
            _problems.Add(problem);
        }
    }

    /// <exception cref="SettingsException">Contains all problems found.</exception>
    public void ThrowIfInvalid()
    {
        if (_problems.Count > 0)
        {
            throw new SettingsException(_problems);
        }
    }

    T? Read<T>(string key, string allowed, string? defaultValue, string description, Func<string, T?> parse)
    {
        _known.Add(new Setting(key, allowed, defaultValue, description));
        if ((read(key) ?? defaultValue) is not { } value)
        {
            _problems.Add($"{key} is not set. {description} Allowed: {allowed}. Set it with: pulumi config set {key} …");
            return default;
        }

        if (parse(value) is { } parsed)
        {
            return parsed;
        }

        _problems.Add($"{key} is \"{value}\". {description} Allowed: {allowed}.");
        return default;
    }

    static T? Parse<T>(string json) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <param name="Default"><c>null</c>: the setting is required; empty: it is optional.</param>
public sealed record Setting(string Key, string Allowed, string? Default, string Description);

public sealed class SettingsException(IReadOnlyList<string> problems)
    : Exception("The stack's configuration is invalid:\n" + string.Join("\n", problems.Select(problem => "- " + problem)))
{
    public IReadOnlyList<string> Problems { get; } = problems;
}
