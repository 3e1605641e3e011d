using System.ComponentModel;
using System.Text;

namespace ControlPlane.DataPlane.Compose;

/// <param name="Output">The end of standard output, then the end of standard error.</param>
public sealed record DockerResult(int ExitCode, string Output);

/// <summary>Runs the Docker command line without a shell. On timeout or cancellation the whole process tree is killed.</summary>
public static class DockerCommand
{
    const int MaxCharactersPerStream = 2000;

    /// <param name="standardOutput">Where the output goes; null: to the result.</param>
    /// <param name="onErrors">Called with each piece of standard error, such as progress.</param>
    /// <exception cref="StepFailedException">The docker command could not be started or exceeded <paramref name="timeout"/>.</exception>
    public static async Task<DockerResult> RunAsync(
        IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken ct, PipeSource? standardInput = null, Action<string>? onErrors = null,
        PipeTarget? standardOutput = null)
    {
        // Separate tails: megabytes of progress on one stream must not displace the error on the other.
        var (output, errors) = (new StringBuilder(), new StringBuilder());
        var command = Cli.Wrap(ProgramPath.Of("docker"))
            .WithArguments(arguments)
            .WithEnvironmentVariables(variables => variables.Set("COMPOSE_PROGRESS", "plain"))
            .WithStandardInputPipe(standardInput ?? PipeSource.Null)
            .WithStandardOutputPipe(standardOutput ?? KeepTail(output))
            .WithStandardErrorPipe(KeepTail(errors, onErrors))
            .WithValidation(CommandResultValidation.None);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(timeout);
        try
        {
            var result = await command.ExecuteAsync(deadline.Token);
            return new DockerResult(result.ExitCode, $"{output}\n{errors}".Trim());
        }
        catch (Win32Exception e)
        {
            throw new StepFailedException("The docker command could not be started: is it installed?", e);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new StepFailedException($"docker {arguments[0]} did not finish within {timeout.TotalSeconds:0} s.");
        }
    }

    static PipeTarget KeepTail(StringBuilder tail, Action<string>? onText = null) => PipeTarget.Create(async (stream, ct) =>
    {
        using var reader = new StreamReader(stream);
        var buffer = new char[MaxCharactersPerStream];
        while (await reader.ReadAsync(buffer, ct) is > 0 and var length)
        {
            tail.Append(buffer, 0, length);
            onText?.Invoke(new string(buffer, 0, length));
            if (tail.Length > MaxCharactersPerStream)
            {
                tail.Remove(0, tail.Length - MaxCharactersPerStream);
            }
        }
    });
}
