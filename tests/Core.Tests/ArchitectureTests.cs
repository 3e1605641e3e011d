using System.Runtime.CompilerServices;

namespace ControlPlane.Tests;

/// <summary>The rules of src/Core/README.md, checked in the sources.</summary>
public class ArchitectureTests
{
    /// <summary>Creates the database itself, in which there is no module yet.</summary>
    const string CreatesDatabase = "functions/Local/Postgres/EmbeddedPostgres.cs";

    [Fact]
    public void Every_folder_of_Core_is_a_module() => Assert.Equal(
        Architecture.Modules.Order(StringComparer.Ordinal), CoreSources().Select(source => source.Module).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void A_module_uses_earlier_modules_only() => Assert.Empty(Architecture.UsesOfLaterModules(CoreSources()));

    [Theory]
    [InlineData("Platform")]
    [InlineData("Notifications")]
    public void Platform_and_notifications_use_no_module(string shared) =>
        Assert.Empty(Architecture.UsesOfLaterModules(CoreSources().Where(source => source.Module == shared)));

    [Fact]
    public void Each_table_has_one_writing_module() => Assert.Empty(Architecture.TablesWithSeveralWriters([.. CoreSources(), .. FunctionSources()]));

    [Fact]
    public void Every_table_that_is_written_is_listed_with_its_module_in_the_readme()
    {
        var rows = File.ReadAllLines(Path.Combine(Root(), "src/Core/README.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('|'))
            .ToDictionary(cells => cells[1].Trim(' ', '`', '/'), cells => cells[4].Split(',', StringSplitOptions.TrimEntries).ToHashSet());
        var unlisted = Architecture.Writers([.. CoreSources(), .. FunctionSources()]).Distinct().Where(writer => !rows[writer.Module].Contains(writer.Table));
        Assert.Empty(unlisted);
        Assert.Equal(Architecture.Modules.Order(StringComparer.Ordinal), rows.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_SQL_function_names_its_module() => Assert.All(FunctionSources(), function => Assert.Contains(function.Module, Architecture.Modules));

    [Fact]
    public void The_web_application_and_the_hosts_contain_no_SQL() => Assert.Equal(
        [CreatesDatabase],
        Files("src/Web", "*.cs", "*.razor").Concat(Files("functions", "*.cs"))
            .Where(file => Architecture.HasSql(File.ReadAllText(Path.Combine(Root(), file)))));

    [Fact]
    public void Only_the_migrator_and_the_creation_of_logins_use_the_rights_of_the_login() => Assert.Equal(
        ["CreateFunctionLogins.cs", "Migrator.cs"],
        Files("src", "*.cs").Concat(Files("functions", "*.cs"))
            .Where(file => File.ReadAllText(Path.Combine(Root(), file)).Contains(".OpenOwnerAsync(", StringComparison.Ordinal)).Select(Path.GetFileName).Order());

    [Fact]
    public void The_scan_finds_violations()
    {
        Source[] wrong =
        [
            new("Catalog", "using ControlPlane.Billing;"),
            new("Platform", "using ControlPlane.Notifications.Mail;"),
            new("Notifications", "var open = Accounts.Members.MemberList.Open;"),
            new("Metering", "await transaction.ExecuteAsync(\"insert into control.invoice (id) values ($1)\");"),
            new("Billing", "update control.invoice set status = 'paid'"),
            new("Limits", "delete from control.budget"),
        ];

        Assert.Equal(
            ["Catalog uses Billing", "Platform uses Notifications", "Notifications uses Accounts"], Architecture.UsesOfLaterModules(wrong));
        Assert.Equal(["invoice: Billing, Metering"], Architecture.TablesWithSeveralWriters(wrong));
        Assert.Equal("Limits", Architecture.ModuleOfFunction("-- Limits: denies.\ncreate or replace function control.deny()"));
        Assert.Equal("", Architecture.ModuleOfFunction("-- Denies.\ncreate or replace function control.deny()"));
    }

    [Theory]
    [InlineData("await transaction.ScalarAsync<bool>(IsKnown, ct, hash)", true)]
    [InlineData("await transaction.ExecuteAsync(\"delete from operator_key\", ct)", true)]
    [InlineData("const string Known = \"\"\"\n    select id\n    from control.tenant\n    \"\"\";", true)]
    [InlineData("$\"update control.tenant set status = 'active'\"", true)]
    [InlineData("\"select true from control.find_session($1)\"", true)]
    [InlineData("new NpgsqlCommand(text, connection)", true)]
    [InlineData("<p>Select a plan from the list to update your subscription.</p>", false)]
    [InlineData("await rejected.ExecuteAsync(context);", false)]
    [InlineData("builder.Services.AddControlPlane(builder.Configuration);", false)]
    public void The_scan_for_SQL_finds_it_and_nothing_else(string code, bool sql) => Assert.Equal(sql, Architecture.HasSql(code));

    // Files beside the modules, with the global usings, may name what all modules may use.
    static List<Source> CoreSources() => [.. Files("src/Core", "*.cs")
        .Select(file => (File: file, Parts: file.Split('/')))
        .Select(file => new Source(file.Parts.Length > 3 ? file.Parts[2] : "Platform", File.ReadAllText(Path.Combine(Root(), file.File))))];

    static List<Source> FunctionSources() =>
        [.. SchemaScripts.Functions.Select(function => new Source(Architecture.ModuleOfFunction(function.Sql), function.Sql))];

    /// <returns>Paths from the repository's root, with slashes.</returns>
    static List<string> Files(string folder, params string[] patterns)
    {
        var files = patterns.SelectMany(pattern => Directory.EnumerateFiles(Path.Combine(Root(), folder), pattern, SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Root(), file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj" or "artifacts"))
            .Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(files);
        return files;
    }

    static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));
}
