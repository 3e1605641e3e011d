using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>The rendered project of a plan, as Compose reads it.</summary>
static class RenderedCompose
{
    public static ComposeProject Render(string plan) => ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/models");

    public static Dictionary<object, object> Service(string plan, string name) =>
        (Dictionary<object, object>)((Dictionary<object, object>)Read(Render(plan).Compose)["services"])[name];

    public static IEnumerable<Dictionary<object, object>> Services(string plan) =>
        ((Dictionary<object, object>)Read(Render(plan).Compose)["services"]).Values.Cast<Dictionary<object, object>>();

    public static IEnumerable<string> Words(Dictionary<object, object> part, string key) => part.TryGetValue(key, out var words) ? ((List<object>)words).Cast<string>() : [];

    public static Dictionary<string, string> Environment(string plan, string service)
    {
        var services = (Dictionary<object, object>)Read(Render(plan).Compose)["services"];
        return ((Dictionary<object, object>)((Dictionary<object, object>)services[service])["environment"]).ToDictionary(e => (string)e.Key, e => (string)e.Value);
    }

    public static Dictionary<object, object> Read(string yaml) => new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(yaml);
}
