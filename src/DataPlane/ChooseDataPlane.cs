namespace ControlPlane.DataPlane;

/// <summary>How environments are run on this machine.</summary>
public static class ChooseDataPlane
{
    public const string Setting = "CONTROLPLANE_DATAPLANE";
    public const string Compose = "compose";
    public const string Render = "render";

    static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(3);

    /// <param name="setting"><see cref="Compose"/>, <see cref="Render"/>, or null: render only.</param>
    public static IDataPlane Create(string? setting, ProjectFolder folder, DataPlaneOptions options) =>
        setting == Compose ? new DockerCompose(folder, options) : new RenderOnly(folder);

    /// <summary>The setting for this machine: Compose if a Docker engine with Compose responds. Takes a few seconds at most.</summary>
    public static async Task<string> DetectAsync(CancellationToken ct)
    {
        if (Environment.GetEnvironmentVariable("DOCKER_HOST") is null && !File.Exists("/var/run/docker.sock"))
        {
            return Render;
        }

        try
        {
            return (await DockerCommand.RunAsync(["version", "--format", "{{.Server.Version}}"], ProbeTimeout, ct)).ExitCode == 0
                && (await DockerCommand.RunAsync(["compose", "version"], ProbeTimeout, ct)).ExitCode == 0
                ? Compose
                : Render;
        }
        catch (StepFailedException)
        {
            return Render;
        }
    }
}
