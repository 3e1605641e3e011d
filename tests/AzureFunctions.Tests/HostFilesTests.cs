using System.Text.Json;
using System.Text.RegularExpressions;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>What is beside the code and has to agree with it.</summary>
public sealed partial class HostFilesTests
{
    static readonly string[] s_sources = ["functions", "src"];

    [Fact]
    public void The_platform_leaves_addresses_and_messages_as_they_are_and_waits_as_long_as_the_application_expects()
    {
        using var host = Json("host.json");
        var extensions = host.RootElement.GetProperty("extensions");
        Assert.Equal("", extensions.GetProperty("http").GetProperty("routePrefix").GetString());
        Assert.Equal(new QueueClientOptions().MessageEncoding.ToString(), extensions.GetProperty("queues").GetProperty("messageEncoding").GetString(), ignoreCase: true);
        Assert.Equal(CurrentApplication.LongestInvocation, TimeSpan.Parse(host.RootElement.GetProperty("functionTimeout").GetString()!, null));
    }

    [Fact]
    public async Task The_samples_settings_start_the_application_once_it_has_a_key()
    {
        using var sample = Json("local.settings.sample.json");
        var values = sample.RootElement.GetProperty("Values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString());
        Assert.Equal("dotnet-isolated", values["FUNCTIONS_WORKER_RUNTIME"]);
        await Assert.ThrowsAsync<SettingException>(() => StartAsync(values));

        values["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]);
        await using var composition = await StartAsync(values);
    }

    [Fact]
    public void Every_setting_in_the_sample_and_on_the_page_is_one_the_code_reads()
    {
        var code = string.Concat(CodeIn("functions").Concat(CodeIn("src")));
        var named = Setting().Matches(Text("local.settings.sample.json") + Text("azure.md")).Select(match => match.Value.Replace('-', '_')).ToHashSet();
        Assert.NotEmpty(named);
        Assert.All(named, setting => Assert.Contains($"\"{setting}\"", code, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_lists_every_function() => Assert.Equal(
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
