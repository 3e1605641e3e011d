using System.Runtime.CompilerServices;

namespace ControlPlane.Tests;

/// <summary>Snapshots of what each plan renders to. UPDATE_GOLDEN=1 rewrites the files; review the diff.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("trial"), InlineData("basic"), InlineData("premium"), InlineData("enterprise")]
    public void Rendered_files_match_the_snapshots(string plan)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/var/lib/controlplane/models/01900000-0000-7000-8000-000000000001");
        AssertMatches($"{plan}/compose.yaml", project.Compose);
        AssertMatches($"{plan}/config.yaml", project.GatewayConfig);
        AssertMatches($"{plan}/egress.conf", project.Egress);
        AssertMatches($"{plan}/gateway-egress.conf", project.GatewayEgress);
        AssertMatches($"{plan}/weights-egress.conf", project.WeightsEgress);
    }

    /// <param name="rendered">null: there is no such file.</param>
    static void AssertMatches(string file, string? rendered, [CallerFilePath] string here = "")
    {
        var golden = Path.Combine(Path.GetDirectoryName(here)!, "Golden", file);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(golden)!);
            File.Delete(golden);
            if (rendered is not null)
            {
                File.WriteAllText(golden, rendered);
            }
        }

        Assert.Equal(File.Exists(golden) ? File.ReadAllText(golden) : null, rendered);
    }
}
