using System.Text.Json;
using YamlDotNet.Serialization;

namespace ControlPlane.Infra.Tests;

/// <summary>A stack's configuration as Pulumi passes it to the program: all values are strings, lists and maps are JSON.</summary>
public sealed record StackFile(string Name, IReadOnlyDictionary<string, string> Config)
{
    public static readonly string Root = FindRoot();

    /// <summary>Pulumi.{name}.yaml of the project.</summary>
    public static StackFile Read(string name)
    {
        // Besides "config", Pulumi stores the encryption key of secrets in the file.
        var yaml = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(File.ReadAllText(Path.Combine(Root, $"Pulumi.{name}.yaml")));
        return new StackFile(name, ((Dictionary<object, object?>)yaml["config"]).ToDictionary(
            setting => (string)setting.Key, setting => setting.Value as string ?? JsonSerializer.Serialize(setting.Value)));
    }

    /// <param name="value"><c>null</c>: removes the setting.</param>
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
            folder = folder.Parent ?? throw new InvalidOperationException("No folder above the tests contains Pulumi.yaml.");
        }

        return folder.FullName;
    }
}
