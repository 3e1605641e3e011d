using System.Diagnostics;

namespace ControlPlane.Local.Postgres;

/// <summary>A program of the machine, run without a shell in between.</summary>
/// <param name="Words">The program and its arguments.</param>
sealed record ExternalCommand(IReadOnlyList<string> Words)
{
    public ExternalCommand(params string[] words) : this((IReadOnlyList<string>)words) { }

    /// <param name="ExitCode">127 when there is no such program.</param>
    /// <param name="Text">What it wrote on both streams.</param>
    public sealed record Outcome(int ExitCode, string Text)
    {
        public bool Succeeded => ExitCode == 0;

        /// <summary>The line that says what went wrong, as far as the program says so; never empty.</summary>
        public string Complaint
        {
            get
            {
                var lines = Text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                return lines.LastOrDefault(IsComplaint) ?? lines.LastOrDefault() ?? $"exit code {ExitCode}";
            }
        }

        static bool IsComplaint(string line) =>
            line.Contains("FATAL", StringComparison.Ordinal) || line.Contains("PANIC", StringComparison.Ordinal)
            || line.Contains("error:", StringComparison.Ordinal) || line.StartsWith("E:", StringComparison.Ordinal);
    }

    public async Task<Outcome> RunAsync(CancellationToken ct)
    {
        using var process = new Process { StartInfo = StartInfo() };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return new Outcome(127, e.Message);
        }

        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var errors = process.StandardError.ReadToEndAsync(ct);
        try
        {
            await process.WaitForExitAsync(ct);
            return new Outcome(process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public ProcessStartInfo StartInfo()
    {
        // The user it runs as may not be allowed into our own working directory.
        var start = new ProcessStartInfo(ProgramPath.Of(Words[0]))
        {
            WorkingDirectory = "/",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var word in Words.Skip(1))
        {
            start.ArgumentList.Add(word);
        }

        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["LC_ALL"] = "C";
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        return start;
    }
}
