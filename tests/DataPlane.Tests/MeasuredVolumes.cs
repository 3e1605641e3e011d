using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Volumes of an environment for tests that measure them.</summary>
[UnsupportedOSPlatform("windows")]
static class MeasuredVolumes
{
    /// <summary>A fake <c>docker</c> that runs the script of the measuring container on folders beside it instead of mounts.</summary>
    public const string Here = """
        case "$*" in
            "volume ls "*) echo tenant-01900000-0000-7000-8000-000000000001_open-webui; echo tenant-01900000-0000-7000-8000-000000000001_redis ;;
            "ps --all "*) echo open-webui:earlier ;;
            "run "*) for script; do :; done
                mkdir -p "$(dirname "$0")/volumes"
                eval "$(printf %s "$script" | sed "s|/volumes|$(dirname "$0")/volumes|g")" ;;
        esac
        """;

    /// <summary>Writes a file to the first of them.</summary>
    public static async Task WriteAsync(DockerOnPath docker, string name, int bytes)
    {
        var folder = Directory.CreateDirectory(Path.Combine(docker.Folder, "volumes", "0")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, name), new byte[bytes]);
    }

    public static DockerCompose CreateDataPlane() => new(
        new ProjectFolder(new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = Path.GetTempPath() }, Samples.Options),
        Samples.Options);
}
