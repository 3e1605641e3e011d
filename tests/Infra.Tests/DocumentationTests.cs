using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

/// <summary>Settings, outputs, scripts and files that the documentation names exist.</summary>
[Collection(nameof(Stacks))]
public sealed class DocumentationTests(Stacks stacks)
{
    static readonly string[] PageNames = ["docs/deploy.md", "docs/aws.md", "docs/disaster-recovery.md", "docs/cost.md", "docs/operations.md", "docs/topology.md"];

    public static TheoryData<string> Pages => [.. PageNames];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Settings_on_a_page_exist(string page)
    {
        var settings = new Settings(_ => null);
        Assert.Throws<SettingsException>(() => Plan.Read(settings));
        var known = settings.Known.Select(setting => setting.Key).ToHashSet();
        var namespaces = string.Join('|', known.Select(key => key.Split(':')[0]).Distinct());
        // The exception is a Kubernetes group.
        Assert.All(Matches(page, $@"(?<![\w:/-])((?:{namespaces}):[a-z]\w*)").Except(["controlplane:provisioners"]), key => Assert.Contains(key, known));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Outputs_on_a_page_exist(string page)
    {
        var outputs = new HashSet<string>();
        foreach (var stack in (string[])["dev", "dev, existing host", "prod", "dr"])
        {
            outputs.UnionWith((await stacks.GetAsync(stack)).Outputs.Keys);
        }

        Assert.All(Matches(page, @"pulumi stack output (\w+)").Concat(Matches(page, "`([a-z]+(?:[A-Z][a-z]+)+)`")), output => Assert.Contains(output, outputs));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Files_on_a_page_exist(string page)
    {
        Assert.All(Matches(page, @"(?<![\w/}.-])((?:deploy|docs|infra|scripts|tests)/[\w./-]*\w)"), file => Assert.True(Path.Exists(Path.Combine(StackFile.Root, file)), file));
        Assert.All(Matches(page, @"\]\(([\w./-]+)(?:#[\w-]+)?\)"), link => Assert.True(Path.Exists(Path.Combine(StackFile.Root, "docs", link)), link));
    }

    [Fact]
    public async Task The_failover_procedure_covers_every_function_and_every_replicated_secret()
    {
        var (deployed, page) = (await stacks.GetAsync("prod"), File.ReadAllText(Path.Combine(StackFile.Root, "docs/disaster-recovery.md")));
        Assert.Equal(Names(deployed.OfType("aws:lambda/function:Function"), "controlplane-prod-"), Loop("function"));
        Assert.Equal(Names(deployed.OfType("aws:secretsmanager/secret:Secret").Where(secret => secret["replicas"] is not null), "controlplane-prod-secrets-"), Loop("secret"));

        IEnumerable<string> Names(IEnumerable<DeployedResource> resources, string prefix)
        {
            Assert.Contains($"{prefix}$", page, StringComparison.Ordinal);
            return resources.Select(resource => ((string)resource["name"]!)[prefix.Length..]).Order(StringComparer.Ordinal);
        }

        IEnumerable<string> Loop(string variable) => Regex.Match(page, $"for {variable} in ([a-z -]+); do").Groups[1].Value.Split(' ').Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Service_accounts_and_ports_of_the_stack_are_documented()
    {
        var (deployed, page) = (await stacks.GetAsync("prod"), File.ReadAllText(Path.Combine(StackFile.Root, "docs/deploy.md")));
        Assert.All(deployed.OfType("aws:eks/podIdentityAssociation:PodIdentityAssociation"), pods => Assert.Contains($"`{pods["namespace"]}/{pods["serviceAccount"]}`", page, StringComparison.Ordinal));
        Assert.All(deployed.OfType("aws:lb/targetGroup:TargetGroup"), targets => Assert.Contains($"(port {targets["port"]})", page, StringComparison.Ordinal));
        Assert.All(deployed.OfType("aws:lb/targetGroup:TargetGroup"), targets => Assert.Contains($"{targets["healthCheck.port"]} (`{targets["healthCheck.path"]}`)", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Environment_variables_on_the_deployment_page_exist()
    {
        var source = string.Concat(((string[])["functions", "src", "deploy/vps"]).SelectMany(folder => Directory.EnumerateFiles(Path.Combine(StackFile.Root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".cs" or ".sh").Select(File.ReadAllText));
        Assert.All(Matches("docs/deploy.md", "(CONTROLPLANE_[A-Z_]+)"), name => Assert.Contains(name, source, StringComparison.Ordinal));
    }

    static IEnumerable<string> Matches(string page, string pattern) =>
        Regex.Matches(File.ReadAllText(Path.Combine(StackFile.Root, page)), pattern).Select(match => match.Groups[1].Value).Distinct();
}
