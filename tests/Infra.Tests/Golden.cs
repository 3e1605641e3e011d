namespace ControlPlane.Infra.Tests;

/// <summary>
/// Compares generated text with a reviewed file. After an intended change, run the tests once with UPDATE_GOLDEN=1 and review the diff.
/// </summary>
static class Golden
{
    static bool Update => Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1";

    public static void AssertEqual(string file, string actual)
    {
        if (Update)
        {
            File.WriteAllText(file, actual);
        }

        Assert.True(File.Exists(file), $"{file} does not exist; create it with UPDATE_GOLDEN=1.");
        Assert.Equal(File.ReadAllText(file), actual, ignoreLineEndingDifferences: true);
    }

    /// <summary>Compares the section of a page between <c>&lt;!-- name --&gt;</c> and <c>&lt;!-- /name --&gt;</c>; the rest is written by hand.</summary>
    public static void AssertSectionEqual(string file, string name, string actual)
    {
        var page = File.ReadAllText(file);
        var (start, end) = ($"<!-- {name} -->\n", $"<!-- /{name} -->");
        var (from, to) = (page.IndexOf(start, StringComparison.Ordinal) + start.Length, page.IndexOf(end, StringComparison.Ordinal));
        Assert.True(from >= start.Length && to >= from, $"{file} has no section between {start.Trim()} and {end}.");
        AssertEqual(file, page[..from] + actual + page[to..]);
    }
}
