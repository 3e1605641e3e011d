using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace ControlPlane.DataPlane;

/// <param name="Output">The end of what it wrote: its output, then its errors.</param>
public sealed record DockerResult(int ExitCode, string Output);

/// <summary>Runs the Docker command line. No shell is involved, and a command that is given up is killed with its children.</summary>
public static class DockerCommand
{
    const int CharactersOfEachStream = 2000;

    /// <exception cref="StepFailedException">There is no docker command, or it took too long.</exception>
    public static async Task<DockerResult> RunAsync(IEnumerable<string> arguments, TimeSpan limit, CancellationToken ct, string? input = null)
    {
        var start = new ProcessStartInfo(ProgramPath.Of("docker")) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Plain lines instead of a progress display.
        start.Environment["COMPOSE_PROGRESS"] = "plain";
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new StepFailedException("The docker command could not be started: is it installed?", e);
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(limit);
        try
        {
            // Apart, or megabytes of progress on one stream would push the reason out that came on the other.
            var reading = Task.WhenAll(ReadAsync(process.StandardOutput, timeout.Token), ReadAsync(process.StandardError, timeout.Token));
            await WriteAsync(process, input);
            await process.WaitForExitAsync(timeout.Token);
            return new DockerResult(process.ExitCode, string.Join('\n', await reading).Trim());
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new StepFailedException($"docker {start.ArgumentList[0]} did not finish within {limit.TotalSeconds:0} s.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    static async Task WriteAsync(Process process, string? input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code says why.
        }
    }

    // A pull writes megabytes of progress; only its end is of use.
    static async Task<string> ReadAsync(StreamReader reader, CancellationToken ct)
    {
        var end = new StringBuilder();
        while (await reader.ReadLineAsync(ct) is { } line)
        {
            end.Append(line).Append('\n');
            if (end.Length > CharactersOfEachStream)
            {
                end.Remove(0, end.Length - CharactersOfEachStream);
            }
        }

        return end.ToString();
    }
}
