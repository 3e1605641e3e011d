using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>
/// The vocabulary is the field's. What is listed here is wrong in every context; words that are wrong only in some (form, make, look, stage)
/// are found by reading.
/// </summary>
public partial class WordingTests
{
    static readonly string[] Extensions = [".cs", ".razor", ".sql", ".md", ".sh", ".py", ".css", ".js", ".yaml", ".yml", ".csproj", ".props", ".targets", ""];
    static readonly string[] SkippedFolders = [".git", "bin", "obj", "artifacts", "node_modules", ".local", "Golden"];

    [Fact]
    public void Nothing_in_the_tree_uses_a_word_of_its_own_where_the_field_has_one()
    {
        var root = Root();
        var files = Files(new DirectoryInfo(root)).ToList();
        Assert.True(files.Count > 500, $"Only {files.Count} files were scanned.");
        Assert.Empty(files.SelectMany(file => Findings(Path.GetRelativePath(root, file.FullName), File.ReadAllText(file.FullName))));
    }

    [Theory]
    [InlineData("// The database is away: somebody looks again.", 3)]
    [InlineData("throw new DatabaseAwayException();", 1)]
    [InlineData("Enter your mail address.", 1)]
    [InlineData("static readonly TimeSpan MorePatience = TimeSpan.Zero;", 1)]
    [InlineData("The database is unavailable: callers fail fast.", 0)]
    [InlineData("// Open to all addresses, so that nobody is locked out.", 0)]
    public void The_scan_finds_what_it_looks_for(string line, int findings) => Assert.Equal(findings, Findings("Some.cs", line).Count());

    static IEnumerable<string> Findings(string file, string text) =>
        from line in text.Split('\n').Index()
        from Match match in Phrases().Matches(line.Item).Concat(Identifiers().Matches(line.Item))
        select $"{file}:{line.Index + 1}: {match.Value}";

    static IEnumerable<FileInfo> Files(DirectoryInfo folder) =>
        folder.EnumerateFiles().Where(IsScanned).Concat(folder.EnumerateDirectories().Where(sub => !SkippedFolders.Contains(sub.Name)).SelectMany(Files));

    // Migrations that shipped keep their bytes, comments included.
    static bool IsScanned(FileInfo file) =>
        Extensions.Contains(file.Extension) && file.Name != "WordingTests.cs" && file.Directory!.Name != "Migrations" && file.Length < 1_000_000;

    static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    [GeneratedRegex(
        """
        \b(?:is|was|are|were|be|been)\ away\b | \bmail\ address(?:es)?\b | \b(?:some|every)body\b | \bmend(?:s|ed|ing)?\b | \bnudg(?:e|es|ed|ing)\b |
        \bwish(?:es|ed)?\b | \bpatien(?:ce|t|tly)\b | \bmisfortune\b | \brehears(?:al|als|e|ed)\b | \bgrown?\ old\b | \bgiven?\ up\b | \bgives?\ up\b | \bgave\ up\b |
        \blook(?:s|ed)?\ again\b | \bput(?:s|ting)?\ into\ force\b | \bthe\ books\b | \bways?\ of\ the\ data\b | \bdata's\ way\b | \bslips?\ of\ the\ hand\b |
        \bcomposed\ anew\b | \bgo\ together\b | \bwho\ asks\b | \bways?\ out\b | \bhalf\ the\ way\b | \bin\ the\ order\ they\ came\b | \bgrew\ old\b
        """,
        RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Phrases();

    [GeneratedRegex(
        """
        \b(?:FunctionDoors|Doors|LetIn|LetWorldIn|LetOut|LetOutToWorld|FunctionRights|FunctionMeans|Surroundings|Nudges?|NudgeAfterwards|StopInTime|DrainsOverflow|
        RunsJobs|NothingHere|NoServer|WorkNews|GivenOperatorKey|QuietLogs|KnownEncodings|ProvenCallers|SharedRoundTrip|CancelOnItsOwn|MakePassword|ForgetConnections|
        EnvironmentLife|WorkBegan|BroughtUp|GaveUp|RunOnTheWay|Timetable|IsHourlyOrRarer|UntilNobodyIsFasterAsync|PutIntoForceAsync|NotSooner|LinkOver|LookAgain|
        TakeUsage|PlanWords|UsageForm|LitellmForm)\b | \w*DatabaseAway\w* | \w*Patience\b | \w*Rehears\w* | \w*Nobody\w*
        """,
        RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Identifiers();
}
