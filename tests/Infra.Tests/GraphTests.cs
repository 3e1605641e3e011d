using System.Text;

namespace ControlPlane.Infra.Tests;

/// <summary>What a stack consists of, as files that a reviewer reads.</summary>
public sealed class GraphTests
{
    static readonly string s_golden = Path.Combine(StackFile.Root, "tests", "Infra.Tests", "Golden");

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    [InlineData("dr")]
    public async Task The_resource_graph_is_the_reviewed_one(string name) =>
        Golden.Same(Path.Combine(s_golden, $"{name}.txt"), Graph.List(await World.BuildAsync(StackFile.Read(name))));

    [Fact]
    public async Task The_topology_page_shows_what_is_built()
    {
        var page = Path.Combine(StackFile.Root, "docs", "topology.md");
        var text = new StringBuilder("""
            # Topology

            What `pulumi up` builds, drawn from the program itself by `tests/Infra.Tests`; do not edit. An arrow means: needs. After a change, run
            `UPDATE_GOLDEN=1 dotnet test tests/Infra.Tests`. Every single resource is listed in `tests/Infra.Tests/Golden`.

            """);
        foreach (var (name, title) in new[] { ("dev", "Topology vps: one host"), ("prod", "Topology eks: three availability zones"), ("dr", "The standby of topology eks, in the second region") })
        {
            text.Append(null, $"\n## {title}\n\nPulumi.{name}.yaml\n\n{Graph.Mermaid(await World.BuildAsync(StackFile.Read(name)))}");
        }

        Golden.Same(page, text.ToString());
    }
}
