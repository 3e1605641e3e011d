using System.Globalization;
using System.Text.RegularExpressions;

namespace ControlPlane.DataPlane.Compose;

/// <summary>The models of a dedicated Ollama. It reaches nothing, so they are downloaded by a container that ends with the download, through an egress proxy of its own.</summary>
sealed partial class DockerModels(ProjectFolder folder, DataPlaneOptions options)
{
    // Exit codes of dataplane/ollama/pull.sh.
    const int TooLarge = 81, DiskFull = 82, NotDownloaded = 83;

    /// <summary>KiB that no model is as large as.</summary>
    const long Unlimited = 1L << 40;

    /// <summary>KiB of disk space that a download leaves: twice the default of CONTROLPLANE_DISK_RESERVE, so that it ends before environments are stopped.</summary>
    const long Reserve = 10L << 20;

    static readonly TimeSpan CommandTimeout = TimeSpan.FromMinutes(2), PullTimeout = TimeSpan.FromHours(6), DeletionTimeout = TimeSpan.FromMinutes(10);

    // As clean() of dataplane/ollama/pull.sh: what is removed may have been downloading.
    const string Clean = """rm -f "$HOME"/.ollama/pulling "$HOME"/.ollama/models/blobs/*-partial*""";

    public async Task<PullResult> PullAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct)
    {
        if (await FindAsync(environment, source, ct) is { } present)
        {
            return present;
        }

        // What a process that has ended has left behind would go on.
        await RemoveContainersAsync(environment, ct);
        await new DockerNetworks(options).CreateAsync(environment, ct);
        try
        {
            var result = await RunAsync(
                environment,
                [
                    "--profile", ComposeServices.Weights, "run", "--rm", "--no-TTY", "--name", ContainerOf(environment), ComposeServices.Weights, source,
                    Number((maximumBytes >> 10) ?? Unlimited), Number(Reserve),
                ],
                PullTimeout, ct, text => ReportPercent(text, onProgress));
            return result.ExitCode switch
            {
                0 => await FindAsync(environment, source, ct) ?? throw new StepFailedException($"{source} was downloaded, but the environment's Ollama does not list it."),
                TooLarge => new PullResult.TooLarge(),
                DiskFull => new PullResult.DiskFull(),
                NotDownloaded when IsUnknown(result.Output) => new PullResult.NotFound(),
                _ => throw Failure(environment, result),
            };
        }
        finally
        {
            await RemoveContainersAsync(environment, CancellationToken.None);
        }
    }

    public async Task RemoveAsync(TenantEnvironment environment, string source, CancellationToken ct)
    {
        var result = await RunAsync(environment, ["exec", "--no-TTY", ComposeServices.DedicatedOllama, "ollama", "rm", source], CommandTimeout, ct);
        if (result.ExitCode != 0 && !result.Output.Contains("not found", StringComparison.OrdinalIgnoreCase))
        {
            throw Failure(environment, result);
        }

        var cleaned = await RunAsync(environment, ["exec", "--no-TTY", ComposeServices.DedicatedOllama, "sh", "-c", Clean], CommandTimeout, ct);
        if (cleaned.ExitCode != 0)
        {
            throw Failure(environment, cleaned);
        }
    }

    /// <summary>Empties the folder of the models, if there is one, also where the plan has changed to one with the shared Ollama.</summary>
    /// <param name="image">With GNU's programs, as paths may be longer than others can open.</param>
    public async Task RemoveAllAsync(TenantEnvironment environment, string image, CancellationToken ct)
    {
        var models = folder.ModelsOf(environment.Name);
        if (!Directory.Exists(models))
        {
            return;
        }

        // In a container, because the files belong to the environment's user and have whatever modes its processes have set.
        var result = await DockerCommand.RunAsync(
            [
                "run", "--rm", "--network", "none", "--read-only", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER",
                "--security-opt", "no-new-privileges:true", "--memory", "1g", "--pids-limit", "32", "--log-driver", "none",
                "--mount", $"type=bind,source={models},target=/models", "--entrypoint", "find", image, "/models", "-mindepth", "1", "-delete",
            ],
            DeletionTimeout, ct);
        if (result.ExitCode != 0)
        {
            throw Failure(environment, result);
        }
    }

    /// <returns>null when it is not there.</returns>
    async Task<PullResult.Present?> FindAsync(TenantEnvironment environment, string source, CancellationToken ct)
    {
        var result = await RunAsync(environment, ["exec", "--no-TTY", ComposeServices.DedicatedOllama, "ollama", "list", source], CommandTimeout, ct);
        if (result.ExitCode != 0)
        {
            throw Failure(environment, result);
        }

        var found = Listed().Matches(result.Output).FirstOrDefault(line => ModelSource.IsSame(line.Groups["name"].Value, source));
        return found is null ? null : new PullResult.Present(BytesOf(found), found.Groups["digest"].Value);
    }

    static string ContainerOf(TenantEnvironment environment) => $"{ComposeRendering.ProjectName(environment.Name)}-weights-pull";

    // "compose rm" leaves out containers of "compose run".
    async Task RemoveContainersAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await DockerCommand.RunAsync(["rm", "--force", ContainerOf(environment)], CommandTimeout, ct);
        await RunAsync(environment, ["--profile", ComposeServices.Weights, "rm", "--stop", "--force", ComposeServices.WeightsEgress], CommandTimeout, ct);
    }

    Task<DockerResult> RunAsync(TenantEnvironment environment, string[] arguments, TimeSpan timeout, CancellationToken ct, Action<string>? onErrors = null) =>
        DockerCommand.RunAsync([.. folder.ComposeCommand(environment.Name), .. arguments], timeout, ct, onErrors: onErrors);

    StepFailedException Failure(TenantEnvironment environment, DockerResult result) =>
        new($"docker exited with {result.ExitCode}: {folder.RedactSecrets(environment.Name, result.Output)}");

    // Ollama's manifest request was answered, and not with a manifest. A server that does not answer is quoted with the request.
    static bool IsUnknown(string output) =>
        output.Contains("pull model manifest", StringComparison.Ordinal) && !output.Contains("Get \"", StringComparison.Ordinal);

    static void ReportPercent(string text, Action<int> onProgress)
    {
        if (Percent().Matches(text).LastOrDefault() is { } last)
        {
            onProgress(int.Parse(last.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        }
    }

    static long BytesOf(Match line) => (long)(decimal.Parse(line.Groups["size"].ValueSpan, CultureInfo.InvariantCulture) * line.Groups["unit"].Value switch
    {
        "KB" => 1_000m,
        "MB" => 1_000_000m,
        "GB" => 1_000_000_000m,
        "TB" => 1_000_000_000_000m,
        _ => 1m,
    });

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\b(\d{1,3})%")]
    private static partial Regex Percent();

    // NAME  ID  SIZE  MODIFIED
    [GeneratedRegex(@"^(?<name>\S+)\s+(?<digest>[0-9a-f]{6,64})\s+(?<size>\d+(\.\d+)?) (?<unit>[KMGT]?B)\b", RegexOptions.Multiline)]
    private static partial Regex Listed();
}
