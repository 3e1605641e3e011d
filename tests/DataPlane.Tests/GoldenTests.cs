using System.Runtime.CompilerServices;

namespace ControlPlane.Tests;

/// <summary>Snapshots of what each plan renders to. UPDATE_GOLDEN=1 rewrites the files; review the diff.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("trial"), InlineData("basic"), InlineData("premium"), InlineData("enterprise")]
    public void Rendered_files_match_the_snapshots(string plan)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/var/lib/controlplane/models/beispiel-2");
        AssertMatches($"{plan}/compose.yaml", project.Compose);
        AssertMatches($"{plan}/config.yaml", project.GatewayConfig);
    }

    static void AssertMatches(string file, string rendered, [CallerFilePath] string here = "")
    {
        var golden = Path.Combine(Path.GetDirectoryName(here)!, "Golden", file);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(golden)!);
            File.WriteAllText(golden, rendered);
        }

        Assert.Equal(File.ReadAllText(golden), rendered);
    }
}
