using System.Text.RegularExpressions;
using System.Xml.Linq;
using ControlPlane.Infra.Plans;

namespace ControlPlane.Infra.Tests;

/// <summary>The package that scripts/package-lambda creates matches the configuration of the functions.</summary>
[Collection(nameof(Stacks))]
public sealed partial class PackageTests(Stacks stacks)
{
    static readonly string Script = Read("scripts/package-lambda");

    [Fact]
    public void The_script_writes_the_package_where_the_stack_reads_it()
    {
        var artifacts = new Artifacts(StackFile.Read("prod").Config["functions:artifacts"]);
        // Paths in a stack's configuration are relative to the folder infra.
        var expected = Path.GetFullPath(Path.Combine(StackFile.Root, "infra", artifacts.File));
        Assert.Equal(Path.GetFullPath(Path.Combine(StackFile.Root, OutputFolder().Match(Script).Groups[1].Value, "functions.zip")), expected);
        Assert.Contains("\"$out/functions.zip\"", Script, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_managed_runtime_starts_the_assembly_of_the_package()
    {
        var project = XDocument.Parse(Read("functions/Lambda/Lambda.csproj"));
        var framework = XDocument.Parse(Read("Directory.Build.props")).Descendants("TargetFramework").Single().Value;
        foreach (var function in (await stacks.GetAsync("prod")).OfType("aws:lambda/function:Function"))
        {
            Assert.Equal(project.Descendants("AssemblyName").Single().Value, function["handler"]);
            Assert.Equal($"dotnet{framework["net".Length..^".0".Length]}", function["runtime"]);
            Assert.Equal([Architecture().Match(Script).Groups[1].Value], function.Texts("architectures"));
        }
    }

    [Fact]
    public async Task A_custom_runtime_starts_the_bootstrap_executable_of_the_self_contained_package()
    {
        Assert.Contains("mv \"$out/app/ControlPlane.Lambda\" \"$out/app/bootstrap\"", Script, StringComparison.Ordinal);
        Assert.All((await stacks.GetAsync("prod, one region")).OfType("aws:lambda/function:Function"),
            function => Assert.Equal(("provided.al2023", "bootstrap"), (function["runtime"], function["handler"])));
    }

    static string Read(string file) => File.ReadAllText(Path.Combine(StackFile.Root, file));

    [GeneratedRegex("out=\"\\$here/(.+)\"")]
    private static partial Regex OutputFolder();

    [GeneratedRegex("--runtime linux-(\\w+)")]
    private static partial Regex Architecture();
}
