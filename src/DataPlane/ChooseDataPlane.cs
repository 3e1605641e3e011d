namespace ControlPlane.DataPlane;

/// <summary>Finds out at start where environments run here.</summary>
public static class ChooseDataPlane
{
    public const string Setting = "CONTROLPLANE_DATAPLANE";

    static readonly TimeSpan _patience = TimeSpan.FromSeconds(3);

    /// <param name="setting"><c>compose</c>, <c>render</c>, or null: Compose when a Docker engine answers and has it.</param>
    /// <exception cref="ArgumentException">Another setting.</exception>
    public static async Task<IDataPlane> RunAsync(string? setting, ProjectFolder folder, DataPlaneOptions options, CancellationToken ct) => setting switch
    {
        "compose" => new DockerCompose(folder, options),
        "render" => new RenderOnly(folder),
        null => await EngineAnswersAsync(ct) ? new DockerCompose(folder, options) : new RenderOnly(folder),
        _ => throw new ArgumentException($"{Setting} is \"{setting}\": set it to compose or render, or leave it out.", nameof(setting)),
    };

    static async Task<bool> EngineAnswersAsync(CancellationToken ct)
    {
        if (Environment.GetEnvironmentVariable("DOCKER_HOST") is null && !File.Exists("/var/run/docker.sock"))
        {
            return false;
        }

        try
        {
            return (await DockerCommand.RunAsync(["version", "--format", "{{.Server.Version}}"], _patience, ct)).ExitCode == 0
                && (await DockerCommand.RunAsync(["compose", "version"], _patience, ct)).ExitCode == 0;
        }
        catch (StepFailedException)
        {
            return false;
        }
    }
}
