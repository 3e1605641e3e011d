using System.Text;

namespace ControlPlane.Infra.Tests;

/// <summary>Compares the resources of each stack with the reviewed golden files.</summary>
public sealed class GraphTests
{
    static readonly string GoldenFiles = Path.Combine(StackFile.Root, "tests", "Infra.Tests", "Golden");

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    [InlineData("dr")]
    public async Task The_resource_graph_matches_the_golden_file(string name) =>
        Golden.AssertEqual(Path.Combine(GoldenFiles, $"{name}.txt"), Graph.List(await StackSnapshot.BuildAsync(StackFile.Read(name))));

    [Fact]
    public async Task The_topology_page_matches_the_stacks()
    {
        var page = Path.Combine(StackFile.Root, "docs", "topology.md");
        var text = new StringBuilder("""
            # Topology

            The components that `pulumi up` builds, generated from the program by `tests/Infra.Tests`; do not edit. An arrow points from a component to one
            it depends on. After a change, run `UPDATE_GOLDEN=1 dotnet test tests/Infra.Tests`. All resources are listed in `tests/Infra.Tests/Golden`.

            """);
        foreach (var (name, title) in new[] { ("dev", "Topology vps: one host"), ("prod", "Topology eks: three availability zones"), ("dr", "Topology eks: the standby in the second region") })
        {
            text.Append(null, $"\n## {title}\n\nPulumi.{name}.yaml\n\n{Graph.Mermaid(await StackSnapshot.BuildAsync(StackFile.Read(name)))}");
        }

        Golden.AssertEqual(page, text.ToString());
    }
}
