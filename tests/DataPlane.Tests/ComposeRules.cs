using System.Text.RegularExpressions;
using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>What no environment's Compose file may contain, checked on the YAML as Compose reads it. Everything is a list of what is allowed.</summary>
static partial class ComposeRules
{
    // Who shares which network. "private" has the proxy of the internet as well, "models" the shared Ollama.
    static readonly Dictionary<string, string[]> Networks = new()
    {
        ["open-webui"] = ["private"],
        ["litellm"] = ["private", "models", "gateway"],
        ["redis"] = ["private"],
        ["database"] = ["private"],
        ["qdrant"] = ["private"],
        ["ollama-dedicated"] = ["models"],
        ["egress"] = ["private", "outside"],
        ["gateway-egress"] = ["gateway", "outside"],
        ["weights"] = ["weights"],
        ["weights-egress"] = ["weights", "outside"],
    };

    static readonly string[] Keys =
    [
        "image", "profiles", "entrypoint", "command", "user", "restart", "depends_on", "environment", "labels", "volumes", "networks", "extra_hosts", "healthcheck", "cpus", "mem_limit",
        "pids_limit", "blkio_config", "oom_score_adj", "read_only", "tmpfs", "cap_drop", "security_opt", "ulimits", "logging", "deploy",
    ];

    static readonly string[] Limits = ["cpus", "mem_limit", "pids_limit", "oom_score_adj"];

    /// <returns>One sentence for each violation.</returns>
    public static List<string> Violations(string compose)
    {
        var file = new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(compose);
        var found = new List<string>();
        foreach (var (key, value) in (Dictionary<object, object>)file["services"])
        {
            found.AddRange(OfService((string)key, (Dictionary<object, object>)value).Select(violation => $"{key}: {violation}"));
        }

        foreach (var (key, value) in (Dictionary<object, object>)file["networks"])
        {
            // A network that Compose creates would lead outside.
            if (value is not Dictionary<object, object> network || network.GetValueOrDefault("external") is not "true" || network.GetValueOrDefault("name") is not string name
                || !name.EndsWith($"_{key}", StringComparison.Ordinal) || network.Count != 2)
            {
                found.Add($"network {key}: not one that the control plane creates");
            }
        }

        return found;
    }

    static IEnumerable<string> OfService(string name, Dictionary<object, object> service)
    {
        foreach (var key in service.Keys.Cast<string>().Except(Keys))
        {
            yield return $"{key} is not allowed";
        }

        if (service.GetValueOrDefault("blkio_config") is not Dictionary<object, object> { Count: 1 } disk || disk.GetValueOrDefault("weight") is not "10")
        {
            yield return "more than the smallest share of a busy disk";
        }

        foreach (var limit in Limits.Where(limit => service.GetValueOrDefault(limit) is not string value || !Limit().IsMatch(value)))
        {
            yield return $"no {limit}";
        }

        if (PinnedImages.Problem((string)service["image"]) is { } problem)
        {
            yield return problem;
        }

        if (service.GetValueOrDefault("user") is not string user || user.Split(':')[0] is "0" or "root")
        {
            yield return "runs as root";
        }

        if (service.GetValueOrDefault("read_only") is not "true" || service.GetValueOrDefault("cap_drop") is not List<object> dropped || !dropped.SequenceEqual(["ALL"])
            || service.GetValueOrDefault("security_opt") is not List<object> options || !options.SequenceEqual(["no-new-privileges:true"]))
        {
            yield return "has more privileges than it needs";
        }

        var allowed = Networks.GetValueOrDefault(name, []);
        foreach (var network in service.GetValueOrDefault("networks") is List<object> networks ? networks.Cast<string>().Except(allowed) : ["default"])
        {
            yield return $"shares the network {network}";
        }

        foreach (var (key, value) in service.GetValueOrDefault("environment") is Dictionary<object, object> variables ? variables : [])
        {
            // Names that end like a secret's, and passwords in URLs.
            if ((SecretName().IsMatch((string)key) && !Variable().IsMatch((string)value)) || InlinePassword().IsMatch((string)value))
            {
                yield return $"{key} is inline";
            }
        }

        foreach (var violation in RouteRules.Violations(name, service.GetValueOrDefault("labels") is Dictionary<object, object> labels ? labels : []))
        {
            yield return violation;
        }

        foreach (var volume in service.GetValueOrDefault("volumes") is List<object> volumes ? volumes.Cast<string>() : [])
        {
            // Volumes of the project, its own files, and the folder of a dedicated Ollama's models.
            if (!Volume().IsMatch(volume) && !(name is ("ollama-dedicated" or "weights") && volume.EndsWith(":/ollama/.ollama", StringComparison.Ordinal)))
            {
                yield return $"mounts {volume}";
            }
        }
    }

    [GeneratedRegex(@"^\d+(\.\d+)?m?$")]
    private static partial Regex Limit();

    [GeneratedRegex("(KEY|KEYS|PASSWORD|SECRET|TOKEN)$")]
    private static partial Regex SecretName();

    [GeneratedRegex(@"^\$\{[A-Z_]+\}$")]
    private static partial Regex Variable();

    [GeneratedRegex(@"://[^/@\s]*:(?!\$\{[A-Z_]+\}@)[^/@\s]*@")]
    private static partial Regex InlinePassword();

    [GeneratedRegex(@"^([a-z][a-z-]*:/[\w/.-]+|\./(litellm|database|egress|weights)/[\w.-]+:/[\w/.-]+:ro)$")]
    private static partial Regex Volume();
}
