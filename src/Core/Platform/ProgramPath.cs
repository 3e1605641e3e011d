namespace ControlPlane.Platform;

/// <summary>
/// Finds programs on PATH. Process.Start would search the working directory first and start a file of that name there: in a checkout of this repository,
/// <c>test</c> is the test suite.
/// </summary>
public static class ProgramPath
{
    /// <param name="program">A name, or a path, which is returned unchanged.</param>
    /// <returns>The program's path; a path that does not exist when the name is not on PATH.</returns>
    public static string Of(string program)
    {
        if (program.Contains('/') || OperatingSystem.IsWindows())
        {
            return program;
        }

        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Where(Path.IsPathRooted);
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? $"/nonexistent/{program}";
    }
}
