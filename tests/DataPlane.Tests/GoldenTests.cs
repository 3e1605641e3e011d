using System.Runtime.CompilerServices;

namespace ControlPlane.Tests;

/// <summary>What each plan renders to, word for word. With UPDATE_GOLDEN=1 the files are written anew, to be read in the diff.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("trial"), InlineData("basic"), InlineData("premium"), InlineData("enterprise")]
    public void A_plan_renders_to_the_files_that_were_reviewed(string plan)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/var/lib/controlplane/models/beispiel-2");
        Same($"{plan}/compose.yaml", project.Compose);
        Same($"{plan}/config.yaml", project.GatewayConfig);
    }

    static void Same(string file, string rendered, [CallerFilePath] string here = "")
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
