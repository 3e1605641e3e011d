using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Tests.Vps;
using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>Rules for the repository's own files: notices, changelog and workflows.</summary>
public sealed partial class RepositoryTests
{
    [Fact]
    public void Every_shipped_package_is_in_the_third_party_notices()
    {
        var listed = TableRow().Matches(File.ReadAllText(Repository.At("THIRD-PARTY-NOTICES.md"))).Select(row => row.Groups[1].Value).ToList();
        // Written by restore. A host whose packages cannot be restored here is not checked.
        var shipped = Directory.GetDirectories(Repository.At("functions")).Select(host => Path.Combine(host, "obj/project.assets.json"))
            .Where(File.Exists).SelectMany(ShippedPackages).Distinct().ToList();
        Assert.True(shipped.Count > 0, "Restore the hosts first: dotnet restore ControlPlane.sln, or ControlPlane.Local.slnf.");
        var missing = shipped.Where(package => !listed.Any(name =>
            name.EndsWith('*') ? package.StartsWith(name[..^1], StringComparison.Ordinal) : package == name)).ToList();
        Assert.Equal([], missing);
    }

    [Fact]
    public void Every_release_in_the_changelog_has_a_version_and_a_date()
    {
        var headings = File.ReadLines(Repository.At("CHANGELOG.md")).Where(line => line.StartsWith("## ", StringComparison.Ordinal)).ToList();
        Assert.Equal("## [Unreleased]", headings[0]);
        Assert.All(headings[1..], heading => Assert.Matches(@"^## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$", heading));
    }

    [Fact]
    public void Workflows_pin_their_actions_and_limit_their_permissions() => Assert.All(
        Directory.GetFiles(Repository.At(".github/workflows"), "*.yml"), file =>
        {
            var text = File.ReadAllText(file);
            var workflow = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(text);
            Assert.Equal([KeyValuePair.Create<object, object>("contents", "read")], (Dictionary<object, object>)workflow["permissions"]);
            Assert.All(Uses().Matches(text).Select(use => use.Groups[1].Value), action =>
                Assert.Matches(@"^(\./\.github/workflows/\S+|[\w-]+/[\w-]+@(v\d+(\.\d+)*|[0-9a-f]{40}))$", action));
        });

    [Theory]
    [InlineData("docs/security.md", 30), InlineData("docs/plans.md", 15), InlineData("docs/attempts.md", 40)]
    public void Every_test_named_in_a_page_exists(string page, int atLeast)
    {
        var named = TestName().Matches(File.ReadAllText(Repository.At(page))).Select(name => name.Groups[1].Value).Distinct().ToList();
        var tests = string.Join('\n', Directory.EnumerateFiles(Repository.At("tests"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Repository.At("dataplane/litellm/tests"), "*.py")).Select(File.ReadAllText));
        Assert.True(named.Count > atLeast, $"only {named.Count} tests are named");
        Assert.Equal([], named.Where(name => !tests.Contains($" {name}(", StringComparison.Ordinal)));
    }

    /// <summary>Names of packages with files that are part of the published host.</summary>
    static IEnumerable<string> ShippedPackages(string assetsFile)
    {
        using var assets = JsonDocument.Parse(File.ReadAllText(assetsFile));
        return [.. assets.RootElement.GetProperty("targets").EnumerateObject().SelectMany(target => target.Value.EnumerateObject())
            .Where(library => library.Value.GetProperty("type").GetString() == "package"
                && ((string[])["runtime", "native", "runtimeTargets"]).Any(kind => HasFiles(library.Value, kind)))
            .Select(library => library.Name.Split('/')[0])];
    }

    static bool HasFiles(JsonElement library, string kind) =>
        library.TryGetProperty(kind, out var files) && files.EnumerateObject().Any(file => !file.Name.EndsWith("_._", StringComparison.Ordinal));

    [GeneratedRegex(@"^\| ([A-Za-z][\w.-]*\*?) \| ", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    // A sentence with underscores, also of the gateway's hook; file names and settings have none or are in capitals.
    [GeneratedRegex("`((?:[A-Z][a-z]*|test)(?:_[A-Za-z0-9]+){3,})`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\s*(?:- )?uses: (\S+)", RegexOptions.Multiline)]
    private static partial Regex Uses();
}
