namespace ControlPlane.DataPlane;

/// <summary>Chooses at startup how environments are run.</summary>
public static class ChooseDataPlane
{
    public const string Setting = "CONTROLPLANE_DATAPLANE";

    static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(3);

    /// <param name="setting"><c>compose</c>, <c>render</c>, or null: Compose if a Docker engine with Compose responds, otherwise render only.</param>
    /// <exception cref="ArgumentException"><paramref name="setting"/> has another value.</exception>
    public static async Task<IDataPlane> RunAsync(string? setting, ProjectFolder folder, DataPlaneOptions options, CancellationToken ct) => setting switch
    {
        "compose" => new DockerCompose(folder, options),
        "render" => new RenderOnly(folder),
        null => await IsComposeAvailableAsync(ct) ? new DockerCompose(folder, options) : new RenderOnly(folder),
        _ => throw new ArgumentException($"{Setting} is \"{setting}\": set it to compose or render, or leave it out.", nameof(setting)),
    };

    static async Task<bool> IsComposeAvailableAsync(CancellationToken ct)
    {
        if (Environment.GetEnvironmentVariable("DOCKER_HOST") is null && !File.Exists("/var/run/docker.sock"))
        {
            return false;
        }

        try
        {
            return (await DockerCommand.RunAsync(["version", "--format", "{{.Server.Version}}"], ProbeTimeout, ct)).ExitCode == 0
                && (await DockerCommand.RunAsync(["compose", "version"], ProbeTimeout, ct)).ExitCode == 0;
        }
        catch (StepFailedException)
        {
            return false;
        }
    }
}
