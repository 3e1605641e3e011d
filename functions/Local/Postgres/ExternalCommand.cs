using System.ComponentModel;
using System.Diagnostics;
using CliWrap;
using CliWrap.Buffered;

namespace ControlPlane.Local.Postgres;

/// <summary>A program of this machine, run without a shell.</summary>
/// <param name="Words">The program and its arguments.</param>
sealed record ExternalCommand(IReadOnlyList<string> Words)
{
    // The user that the program runs as may have no access to our own working directory.
    const string WorkingDirectory = "/";

    public ExternalCommand(params string[] words) : this((IReadOnlyList<string>)words) { }

    /// <param name="ExitCode">127 when there is no such program.</param>
    /// <param name="Text">Standard output, then standard error.</param>
    public sealed record Outcome(int ExitCode, string Text)
    {
        public bool Succeeded => ExitCode == 0;

        /// <summary>The line that states the error, as far as the program prints one; never empty.</summary>
        public string ErrorLine
        {
            get
            {
                var lines = Text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                return lines.LastOrDefault(IsError) ?? lines.LastOrDefault() ?? $"exit code {ExitCode}";
            }
        }

        static bool IsError(string line) =>
            line.Contains("FATAL", StringComparison.Ordinal) || line.Contains("PANIC", StringComparison.Ordinal)
            || line.Contains("error:", StringComparison.Ordinal) || line.StartsWith("E:", StringComparison.Ordinal);
    }

    /// <summary>Runs it to its end; cancelling kills it with its children.</summary>
    public async Task<Outcome> RunAsync(CancellationToken ct)
    {
        try
        {
            var result = await Cli.Wrap(ProgramPath.Of(Words[0]))
                .WithArguments(Words.Skip(1))
                .WithWorkingDirectory(WorkingDirectory)
                .WithEnvironmentVariables(Variables())
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(ct);
            return new Outcome(result.ExitCode, result.StandardOutput + result.StandardError);
        }
        catch (Win32Exception e)
        {
            return new Outcome(127, e.Message);
        }
    }

    /// <summary>Starts it with its input open, for a process that watches ours: its input ends when this process does.</summary>
    public Process Start()
    {
        var start = new ProcessStartInfo(ProgramPath.Of(Words[0]), Words.Skip(1))
        {
            WorkingDirectory = WorkingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Variables())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>What differs from our own environment; null removes a variable. PostgreSQL's own would change what its programs do.</summary>
    static Dictionary<string, string?> Variables()
    {
        var variables = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith("PG", StringComparison.Ordinal))
            .ToDictionary(name => name, _ => (string?)null);
        variables["LC_ALL"] = "C";
        variables["DEBIAN_FRONTEND"] = "noninteractive";
        return variables;
    }
}
