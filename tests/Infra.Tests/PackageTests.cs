using System.Text.RegularExpressions;
using System.Xml.Linq;
using ControlPlane.Infra.Plans;

namespace ControlPlane.Infra.Tests;

/// <summary>What scripts/package-lambda makes, and what Lambda is told about it.</summary>
[Collection(nameof(Stacks))]
public sealed partial class PackageTests(Stacks stacks)
{
    static readonly string s_script = Read("scripts/package-lambda");

    [Fact]
    public void The_package_is_made_where_the_stack_looks_for_it()
    {
        var artifacts = new Artifacts(StackFile.Read("prod").Config["functions:artifacts"]);
        // Paths of a stack are from the program's folder.
        var looked = Path.GetFullPath(Path.Combine(StackFile.Root, "infra", artifacts.File));
        Assert.Equal(Path.GetFullPath(Path.Combine(StackFile.Root, Folder().Match(s_script).Groups[1].Value, "functions.zip")), looked);
        Assert.Contains("\"$out/functions.zip\"", s_script, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lambdas_own_runtime_starts_the_program_of_the_package()
    {
        var project = XDocument.Parse(Read("functions/Lambda/Lambda.csproj"));
        var framework = XDocument.Parse(Read("Directory.Build.props")).Descendants("TargetFramework").Single().Value;
        foreach (var function in (await stacks.GetAsync("prod")).Of("aws:lambda/function:Function"))
        {
            Assert.Equal(project.Descendants("AssemblyName").Single().Value, function["handler"]);
            Assert.Equal($"dotnet{framework["net".Length..^".0".Length]}", function["runtime"]);
            Assert.Equal([Machine().Match(s_script).Groups[1].Value], function.Texts("architectures"));
        }
    }

    [Fact]
    public async Task A_runtime_of_its_own_starts_what_the_self_contained_package_calls_bootstrap()
    {
        Assert.Contains("mv \"$out/app/ControlPlane.Lambda\" \"$out/app/bootstrap\"", s_script, StringComparison.Ordinal);
        Assert.All((await stacks.GetAsync("prod, one region")).Of("aws:lambda/function:Function"),
            function => Assert.Equal(("provided.al2023", "bootstrap"), (function["runtime"], function["handler"])));
    }

    static string Read(string file) => File.ReadAllText(Path.Combine(StackFile.Root, file));

    [GeneratedRegex("out=\"\\$here/(.+)\"")]
    private static partial Regex Folder();

    [GeneratedRegex("--runtime linux-(\\w+)")]
    private static partial Regex Machine();
}
