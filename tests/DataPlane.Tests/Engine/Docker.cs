using CliWrap.Buffered;

namespace ControlPlane.Tests.Engine;

/// <summary>Commands to the Docker engine that answers, for what the tests look at themselves.</summary>
static class Docker
{
    /// <returns>Standard output.</returns>
    /// <exception cref="InvalidOperationException">The command failed; the message has what it printed.</exception>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        var result = await TryAsync(arguments);
        return result.IsSuccess
            ? result.StandardOutput.Trim()
            : throw new InvalidOperationException($"docker {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.StandardOutput}{result.StandardError}");
    }

    public static async Task<BufferedCommandResult> TryAsync(params string[] arguments) =>
        await Cli.Wrap("docker").WithArguments(arguments).WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();

    public static async Task<string[]> LinesAsync(params string[] arguments) =>
        (await RunAsync(arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The result of a Go template over <c>docker inspect</c>.</summary>
    public static Task<string> InspectAsync(string name, string format) => RunAsync("inspect", "--format", format, name);

    /// <summary>Its addresses by network.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> AddressesAsync(string container)
    {
        var pairs = (await InspectAsync(container, "{{range $name, $network := .NetworkSettings.Networks}}{{$name}}={{$network.IPAddress}} {{end}}"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(pair => pair.Split('='));
        return pairs.ToDictionary(pair => pair[0], pair => pair[1]);
    }

    /// <summary>Runs a program in a container, as its user.</summary>
    public static Task<string> ExecAsync(string container, params string[] command) => RunAsync(["exec", container, .. command]);
}
