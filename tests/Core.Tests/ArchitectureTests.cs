using System.Runtime.CompilerServices;

namespace ControlPlane.Tests;

/// <summary>The rules of src/Core/README.md, read off the sources.</summary>
public class ArchitectureTests
{
    [Fact]
    public void A_stage_uses_earlier_stages_only() => Assert.Empty(Architecture.UsesOfLaterStages(Sources()));

    [Fact]
    public void Each_table_has_one_writing_stage() => Assert.Empty(Architecture.TablesWithSeveralWriters(Sources()));

    [Fact]
    public void Every_table_that_is_written_is_named_in_the_readme()
    {
        var readme = File.ReadAllText(Path.Combine(CoreFolder(), "README.md"));
        var unnamed = Architecture.Writers(Sources()).Select(writer => writer.Table).Except(Architecture.SharedTables)
            .Where(table => !readme.Contains(table, StringComparison.Ordinal)).ToList();
        Assert.Empty(unnamed);
    }

    [Fact]
    public void Only_the_migrator_and_who_makes_logins_have_the_rights_of_the_login() => Assert.Equal(
        ["CreateFunctionLogins.cs", "Migrator.cs"],
        Directory.EnumerateFiles(Path.Combine(CoreFolder(), "../.."), "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(CoreFolder(), file).Split(Path.DirectorySeparatorChar).Any(part => part is "tests" or "bench" or "bin" or "obj" or "artifacts"))
            .Where(file => File.ReadAllText(file).Contains(".OpenOwnerAsync(", StringComparison.Ordinal)).Select(Path.GetFileName).Order());

    [Fact]
    public void The_scan_finds_what_it_looks_for()
    {
        (string Stage, string Code)[] wrong =
        [
            ("Plans", "using ControlPlane.Billing;"),
            ("Usage", "await transaction.ExecuteAsync(\"insert into control.invoice (id) values ($1)\");"),
            ("Billing", "update control.invoice set status = 'paid'"),
        ];

        Assert.Equal(["Plans uses ControlPlane.Billing"], Architecture.UsesOfLaterStages(wrong));
        Assert.Equal(["invoice: Billing, Usage"], Architecture.TablesWithSeveralWriters(wrong));
    }

    static List<(string Stage, string Code)> Sources()
    {
        var core = CoreFolder();
        var sources = Directory.EnumerateFiles(core, "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(core, file).Split(Path.DirectorySeparatorChar))
            .Where(parts => parts.Length > 1 && parts[0] is not ("bin" or "obj"))
            .Select(parts => (parts[0], File.ReadAllText(Path.Combine([core, .. parts]))))
            .ToList();
        Assert.NotEmpty(sources);
        return sources;
    }

    static string CoreFolder([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../src/Core"));
}
