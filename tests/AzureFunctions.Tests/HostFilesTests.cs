using System.Text.Json;
using System.Text.RegularExpressions;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>Configuration files and documentation that have to agree with the code.</summary>
public sealed partial class HostFilesTests
{
    [Fact]
    public void Host_json_has_the_route_prefix_encoding_and_timeout_that_the_code_expects()
    {
        using var host = Json("host.json");
        var extensions = host.RootElement.GetProperty("extensions");
        Assert.Equal("", extensions.GetProperty("http").GetProperty("routePrefix").GetString());
        Assert.Equal(new QueueClientOptions().MessageEncoding.ToString(), extensions.GetProperty("queues").GetProperty("messageEncoding").GetString(), ignoreCase: true);
        Assert.Equal(CurrentApplication.FunctionTimeout, TimeSpan.Parse(host.RootElement.GetProperty("functionTimeout").GetString()!, null));
    }

    [Fact]
    public async Task The_sample_settings_start_the_application_once_the_key_is_set()
    {
        using var sample = Json("local.settings.sample.json");
        var values = sample.RootElement.GetProperty("Values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString());
        Assert.Equal("dotnet-isolated", values["FUNCTIONS_WORKER_RUNTIME"]);
        await Assert.ThrowsAsync<SettingException>(() => StartAsync(values));

        values["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]);
        await using var composition = await StartAsync(values);
    }

    [Fact]
    public void The_code_reads_every_setting_in_the_sample_and_in_azure_md()
    {
        var code = string.Concat(CodeIn("functions").Concat(CodeIn("src")));
        var named = Setting().Matches(Text("local.settings.sample.json") + Text("azure.md")).Select(match => match.Value.Replace('-', '_')).ToHashSet();
        Assert.NotEmpty(named);
        Assert.All(named, setting => Assert.Contains($"\"{setting}\"", code, StringComparison.Ordinal));
    }

    [Fact]
    public void Azure_md_lists_every_function() => Assert.Equal(
        FunctionMetadata.All.Select(function => function.Name).Order(StringComparer.Ordinal),
        Row().Matches(Text("azure.md").Split("## What runs")[1].Split("\n## ")[0]).Select(row => row.Groups[1].Value).Order(StringComparer.Ordinal));

    static Task<Composition> StartAsync(Dictionary<string, string?> values) => Composition.StartAsync(
        new ConfigurationBuilder().AddInMemoryCollection(values).Build(), new Dictionary<string, string?>(), new Identity(), CancellationToken.None);

    static IEnumerable<string> CodeIn(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText);

    static JsonDocument Json(string name) => JsonDocument.Parse(Text(name));

    static string Text(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, name));

    [GeneratedRegex("CONTROLPLANE[_-][A-Z_-]*[A-Z]")]
    private static partial Regex Setting();

    [GeneratedRegex(@"^\| `([a-z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
