namespace ControlPlane.Infra.Tests;

/// <summary>
/// Files that the program writes and people review. After a change that is meant, run the tests once with UPDATE_GOLDEN=1 and review the difference.
/// </summary>
static class Golden
{
    static bool Update => Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1";

    public static void Same(string file, string actual)
    {
        if (Update)
        {
            File.WriteAllText(file, actual);
        }

        Assert.True(File.Exists(file), $"{file} does not exist; make it with UPDATE_GOLDEN=1.");
        Assert.Equal(File.ReadAllText(file), actual, ignoreLineEndingDifferences: true);
    }

    /// <summary>The part of a page between its markers <c>&lt;!-- name --&gt;</c> and <c>&lt;!-- /name --&gt;</c>; the rest is written by hand.</summary>
    public static void SameSection(string file, string name, string actual)
    {
        var page = File.ReadAllText(file);
        var (start, end) = ($"<!-- {name} -->\n", $"<!-- /{name} -->");
        var (from, to) = (page.IndexOf(start, StringComparison.Ordinal) + start.Length, page.IndexOf(end, StringComparison.Ordinal));
        Assert.True(from >= start.Length && to >= from, $"{file} has no part between {start.Trim()} and {end}.");
        Same(file, page[..from] + actual + page[to..]);
    }
}
