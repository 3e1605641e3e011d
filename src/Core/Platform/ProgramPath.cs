namespace ControlPlane.Platform;

/// <summary>
/// Where a program of the machine is. The framework would look in the working directory before PATH, and start whatever has that name
/// there: in a checkout of this repository <c>test</c> is the test suite.
/// </summary>
public static class ProgramPath
{
    /// <param name="program">A name, or a path, which is taken as it is.</param>
    /// <returns>The path of the program; for a name that is not on PATH one at which there is nothing.</returns>
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
