using System.Text.Json;
using YamlDotNet.Serialization;

namespace ControlPlane.Infra.Tests;

/// <summary>A stack's configuration, as Pulumi hands it to the program: every value a text, lists and maps as JSON.</summary>
public sealed record StackFile(string Name, IReadOnlyDictionary<string, string> Config)
{
    public static readonly string Root = FindRoot();

    /// <summary>Pulumi.{name}.yaml of the project.</summary>
    public static StackFile Read(string name)
    {
        // Beside the configuration Pulumi keeps there with which key secrets are sealed.
        var yaml = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(File.ReadAllText(Path.Combine(Root, $"Pulumi.{name}.yaml")));
        return new StackFile(name, ((Dictionary<object, object?>)yaml["config"]).ToDictionary(
            setting => (string)setting.Key, setting => setting.Value as string ?? JsonSerializer.Serialize(setting.Value)));
    }

    /// <param name="value"><c>null</c>: without the setting.</param>
    public StackFile With(string key, string? value) => this with
    {
        Config = value is null
            ? Config.Where(setting => setting.Key != key).ToDictionary()
            : new Dictionary<string, string>(Config) { [key] = value },
    };

    static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Pulumi.yaml")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("Pulumi.yaml is not in a folder above the tests.");
        }

        return folder.FullName;
    }
}
