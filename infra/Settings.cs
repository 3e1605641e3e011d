using System.Text.Json;

namespace ControlPlane.Infra;

/// <summary>
/// Reads a stack's configuration. A wrong value does not stop the reading: every problem is collected, so that one run shows all of them.
/// </summary>
/// <param name="read">A value by its full key, as in <c>vps:host</c>; lists and objects as JSON, which is how Pulumi hands them over.</param>
public sealed class Settings(Func<string, string?> read)
{
    readonly List<string> _problems = [];
    readonly List<Setting> _known = [];

    /// <summary>Every setting that was asked for, in order. docs/deploy.md lists them from here.</summary>
    public IReadOnlyList<Setting> Known => _known;

    public string OneOf(string key, string[] allowed, string? byDefault, string does) =>
        Read(key, $"one of {string.Join(", ", allowed)}", byDefault, does, value => allowed.Contains(value) ? value : null) ?? allowed[0];

    public T OneOf<T>(string key, T? byDefault, string does) where T : struct, Enum =>
        Enum.Parse<T>(ignoreCase: true, value: OneOf(
            key, [.. Enum.GetNames<T>().Select(name => name.ToLowerInvariant())], byDefault?.ToString().ToLowerInvariant(), does));

    public bool Flag(string key, bool byDefault, string does) =>
        OneOf(key, ["true", "false"], byDefault ? "true" : "false", does) == "true";

    /// <param name="matches">Whether a value is allowed.</param>
    /// <param name="allowed">What is allowed, for the message: "an IPv4 address, e.g. 192.0.2.10".</param>
    public string Text(string key, Func<string, bool> matches, string allowed, string? byDefault, string does) =>
        Read(key, allowed, byDefault, does, value => matches(value) ? value : null) ?? "";

    /// <returns><c>null</c> when the setting is absent, which is allowed.</returns>
    public string? Optional(string key, Func<string, bool> matches, string allowed, string does) =>
        Text(key, value => value.Length == 0 || matches(value), allowed + ", or nothing", "", does) is { Length: > 0 } value ? value : null;

    public int Number(string key, int byDefault, int from, int to, string does) =>
        Read<int?>(key, string.Create(null, $"a whole number from {from} to {to}"), byDefault.ToString(null, null), does,
            value => int.TryParse(value, null, out var number) && number >= from && number <= to ? number : null)
        ?? byDefault;

    /// <param name="byDefault"><c>null</c> when the setting is required.</param>
    public IReadOnlyList<string> List(string key, Func<string, bool> matches, string allowed, string[]? byDefault, string does)
    {
        var mayBeEmpty = byDefault is { Length: 0 };
        return Read<string[]>(key, $"a list of {allowed}", byDefault is null ? null : JsonSerializer.Serialize(byDefault), does,
            value => Parse<string[]>(value) is { } items && items.All(item => item is not null && matches(item)) && (items.Length > 0 || mayBeEmpty) ? items : null)
        ?? byDefault ?? [];
    }

    /// <param name="byDefault"><c>null</c> when the setting is required.</param>
    public IReadOnlyDictionary<string, string> Map(
        string key, Func<string, string, bool> matches, string allowed, IReadOnlyDictionary<string, string>? byDefault, string does) =>
        Read<IReadOnlyDictionary<string, string>>(key, allowed, byDefault is null ? null : JsonSerializer.Serialize(byDefault), does,
            value => Parse<Dictionary<string, string>>(value) is { } map && map.All(entry => matches(entry.Key, entry.Value)) ? map : null)
        ?? byDefault ?? new Dictionary<string, string>();

    /// <summary>A rule between settings.</summary>
    public void Must(bool holds, string problem)
    {
        if (!holds)
        {
            _problems.Add(problem);
        }
    }

    /// <exception cref="SettingsException">With every problem found.</exception>
    public void ThrowIfWrong()
    {
        if (_problems.Count > 0)
        {
            throw new SettingsException(_problems);
        }
    }

    T? Read<T>(string key, string allowed, string? byDefault, string does, Func<string, T?> parse)
    {
        _known.Add(new Setting(key, allowed, byDefault, does));
        if ((read(key) ?? byDefault) is not { } value)
        {
            _problems.Add($"{key} is not set. {does} Allowed: {allowed}. Set it with: pulumi config set {key} …");
            return default;
        }

        if (parse(value) is { } parsed)
        {
            return parsed;
        }

        _problems.Add($"{key} is \"{value}\". {does} Allowed: {allowed}.");
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

/// <param name="Default"><c>null</c>: the setting is required; empty: it may be left out.</param>
public sealed record Setting(string Key, string Allowed, string? Default, string Does);

public sealed class SettingsException(IReadOnlyList<string> problems)
    : Exception("The stack's configuration has to be changed:\n" + string.Join("\n", problems.Select(problem => "- " + problem)))
{
    public IReadOnlyList<string> Problems { get; } = problems;
}
