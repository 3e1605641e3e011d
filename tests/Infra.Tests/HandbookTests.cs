using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

/// <summary>Whoever follows the pages step by step finds every setting, output, script and page that they name.</summary>
[Collection(nameof(Stacks))]
public sealed class HandbookTests(Stacks stacks)
{
    static readonly string[] s_pages = ["docs/deploy.md", "docs/aws.md", "docs/disaster-recovery.md", "docs/cost.md", "docs/operations.md", "docs/topology.md"];

    public static TheoryData<string> Pages => [.. s_pages];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Settings_that_a_page_names_are_read(string page)
    {
        var settings = new Settings(_ => null);
        Assert.Throws<SettingsException>(() => Plan.Read(settings));
        var known = settings.Known.Select(setting => setting.Key).ToHashSet();
        var spaces = string.Join('|', known.Select(key => key.Split(':')[0]).Distinct());
        // A group of Kubernetes looks the same.
        Assert.All(Found(page, $@"(?<![\w:/-])((?:{spaces}):[a-z]\w*)").Except(["controlplane:provisioners"]), key => Assert.Contains(key, known));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Outputs_that_a_page_names_are_there(string page)
    {
        var outputs = new HashSet<string>();
        foreach (var stack in (string[])["dev", "dev, existing host", "prod", "dr"])
        {
            outputs.UnionWith((await stacks.GetAsync(stack)).Outputs.Keys);
        }

        Assert.All(Found(page, @"pulumi stack output (\w+)").Concat(Found(page, "`([a-z]+(?:[A-Z][a-z]+)+)`")), output => Assert.Contains(output, outputs));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Files_that_a_page_names_are_in_the_tree(string page)
    {
        Assert.All(Found(page, @"(?<![\w/}.-])((?:deploy|docs|infra|scripts|tests)/[\w./-]*\w)"), file => Assert.True(Path.Exists(Path.Combine(StackFile.Root, file)), file));
        Assert.All(Found(page, @"\]\(([\w./-]+)(?:#[\w-]+)?\)"), link => Assert.True(Path.Exists(Path.Combine(StackFile.Root, "docs", link)), link));
    }

    [Fact]
    public async Task A_fail_over_stops_every_function_and_frees_every_copied_secret()
    {
        var (world, page) = (await stacks.GetAsync("prod"), File.ReadAllText(Path.Combine(StackFile.Root, "docs/disaster-recovery.md")));
        Assert.Equal(Names(world.Of("aws:lambda/function:Function"), "controlplane-prod-"), Loop("function"));
        Assert.Equal(Names(world.Of("aws:secretsmanager/secret:Secret").Where(secret => secret["replicas"] is not null), "controlplane-prod-secrets-"), Loop("secret"));

        IEnumerable<string> Names(IEnumerable<Deployed> resources, string prefix)
        {
            Assert.Contains($"{prefix}$", page, StringComparison.Ordinal);
            return resources.Select(resource => ((string)resource["name"]!)[prefix.Length..]).Order(StringComparer.Ordinal);
        }

        IEnumerable<string> Loop(string over) => Regex.Match(page, $"for {over} in ([a-z -]+); do").Groups[1].Value.Split(' ').Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Service_accounts_and_ports_that_the_stack_gives_rights_to_are_told()
    {
        var (world, page) = (await stacks.GetAsync("prod"), File.ReadAllText(Path.Combine(StackFile.Root, "docs/deploy.md")));
        Assert.All(world.Of("aws:eks/podIdentityAssociation:PodIdentityAssociation"), pods => Assert.Contains($"`{pods["namespace"]}/{pods["serviceAccount"]}`", page, StringComparison.Ordinal));
        Assert.All(world.Of("aws:lb/targetGroup:TargetGroup"), targets => Assert.Contains($"(port {targets["port"]})", page, StringComparison.Ordinal));
        Assert.All(world.Of("aws:lb/targetGroup:TargetGroup"), targets => Assert.Contains($"{targets["healthCheck.port"]} (`{targets["healthCheck.path"]}`)", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Environment_variables_that_the_handbook_names_are_read()
    {
        var source = string.Concat(((string[])["functions", "src", "deploy/vps"]).SelectMany(folder => Directory.EnumerateFiles(Path.Combine(StackFile.Root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".cs" or ".sh").Select(File.ReadAllText));
        Assert.All(Found("docs/deploy.md", "(CONTROLPLANE_[A-Z_]+)"), name => Assert.Contains(name, source, StringComparison.Ordinal));
    }

    static IEnumerable<string> Found(string page, string pattern) =>
        Regex.Matches(File.ReadAllText(Path.Combine(StackFile.Root, page)), pattern).Select(match => match.Groups[1].Value).Distinct();
}
