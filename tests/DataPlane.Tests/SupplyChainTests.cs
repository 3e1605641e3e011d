using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using ControlPlane.Tests.Vps;

namespace ControlPlane.Tests;

/// <summary>Where the parts of a release come from: pinned images, audited packages, and a bill of materials.</summary>
public sealed partial class SupplyChainTests
{
    static readonly string[] Folders = [".github", "dataplane", "deploy", "functions", "infra", "scripts", "src"];

    [Fact]
    public void Every_image_is_pinned_to_a_version_or_a_digest()
    {
        var images = Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .SelectMany(file => Image().Matches(File.ReadAllText(file)).Select(image => image.Groups["name"].Value))
            .Concat(Images.All.Values).Distinct().ToList();
        Assert.Contains("mcr.microsoft.com/dotnet/aspnet:10.0.11-alpine3.24", images);
        Assert.All(images, image => Assert.Null(Problem(image)));
    }

    [Theory]
    [InlineData("redis"), InlineData("redis:latest"), InlineData("redis:alpine"), InlineData("ghcr.io/open-webui/open-webui:main"), InlineData("a/b:main-stable"), InlineData("redis:8")]
    public void An_image_without_an_exact_version_is_found(string image) => Assert.Equal($"{image} has no exact version", Problem(Image().Match($"    image: {image}\n").Groups["name"].Value));

    // Releases with malicious code.
    [Theory]
    [InlineData("1.82.7"), InlineData("1.82.8"), InlineData("1.107.0")]
    public void A_compromised_version_of_LiteLLM_is_refused_under_every_name_of_its_image(string version) => Assert.All(
        [
            $"ghcr.io/berriai/litellm-non_root:v{version}", $"ghcr.io/berriai/litellm:v{version}", $"ghcr.io/berriai/litellm:main-v{version}", $"litellm/litellm:{version}",
            $"docker.io/litellm/litellm-database:v{version}-stable", $"ghcr.io/berriai/litellm:v{version}@sha256:{new string('a', 64)}",
        ],
        (string image) => Assert.Equal($"{image} is a refused version", Problem(image)));

    [Fact, UnsupportedOSPlatform("windows")]
    public void The_audit_passes_without_findings() => Assert.Equal((0, "No known vulnerabilities.\n"), RunAudit("""{"projects":[{"path":"a.csproj"}]}"""));

    [Fact, UnsupportedOSPlatform("windows")]
    public void The_audit_fails_with_a_vulnerable_package_and_names_it()
    {
        var (exitCode, output) = RunAudit("""
            {"projects":[{"path":"a.csproj","frameworks":[{"transitivePackages":[
                {"id":"Some.Package",
                 "resolvedVersion":"1.0.0",
                 "vulnerabilities":[{"severity":"High","advisoryurl":"https://example.com/1"}]}]}]}]}
            """);
        Assert.Equal(1, exitCode);
        Assert.Contains("Some.Package", output, StringComparison.Ordinal);
    }

    [Fact, UnsupportedOSPlatform("windows")]
    public void The_audit_fails_when_the_advisories_cannot_be_read() => Assert.Equal(1, RunAudit("error: no route to the source", exitCode: 1).ExitCode);

    [Fact]
    public void Workflows_audit_the_packages_and_publish_bills_of_materials()
    {
        var ci = File.ReadAllText(Repository.At(".github/workflows/ci.yml"));
        Assert.Contains("run: scripts/audit-packages", ci, StringComparison.Ordinal);
        Assert.Contains("schedule:", ci, StringComparison.Ordinal);
        var release = File.ReadAllText(Repository.At(".github/workflows/release.yml"));
        Assert.Contains("""scripts/package-sbom "$version" release""", release, StringComparison.Ordinal);
        Assert.Contains("sha256sum -- *.tar.gz *.zip *.cdx.json >SHA256SUMS", release, StringComparison.Ordinal);
        Assert.Contains("format: cyclonedx-json", release, StringComparison.Ordinal);
        // Every host that is published has one.
        var hosts = Regex.Match(File.ReadAllText(Repository.At("scripts/package-sbom")), @"\$\{SBOM_HOSTS:-(.*?)\}").Groups[1].Value.Split(' ');
        Assert.Equal(Directory.GetDirectories(Repository.At("functions")).Select(Path.GetFileName).Order(StringComparer.Ordinal), hosts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_image_of_the_control_plane_has_the_client_programs_of_its_databases_version()
    {
        var version = DatabaseVersion().Match(File.ReadAllText(Repository.At("deploy/vps/compose.yaml"))).Groups[1].Value;
        Assert.Contains($"apk add --no-cache postgresql{version}-client", File.ReadAllText(Repository.At("deploy/vps/Dockerfile")), StringComparison.Ordinal);
    }

    [Fact]
    public void No_container_runs_without_a_seccomp_profile_or_with_all_privileges() => Assert.All(
        Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".yaml" or ".yml" or ".json" or ".cs" or ".sh" && !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)),
        file => Assert.DoesNotMatch(@"seccomp[:=]\s*unconfined|apparmor[:=]\s*unconfined|privileged: true|--privileged", File.ReadAllText(file)));

    // The control plane's own image is built on the host that runs it, or named by a workflow's own step.
    static string? Problem(string image) =>
        image.StartsWith("controlplane:${CONTROLPLANE_VERSION", StringComparison.Ordinal) || image.StartsWith("${{", StringComparison.Ordinal) ? null : PinnedImages.Problem(image);

    [UnsupportedOSPlatform("windows")]
    static (int ExitCode, string Output) RunAudit(string report, int exitCode = 0)
    {
        var folder = Directory.CreateTempSubdirectory("audit-").FullName;
        var dotnet = Path.Combine(folder, "dotnet");
        File.WriteAllText(Path.Combine(folder, "report"), report);
        File.WriteAllText(dotnet, $"#!/bin/sh\ncat '{folder}/report'\nexit {exitCode}\n");
        File.SetUnixFileMode(dotnet, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo(Repository.At("scripts/audit-packages")) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{folder}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Directory.Delete(folder, recursive: true);
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    // In YAML, in a Dockerfile, and in shell commands.
    [GeneratedRegex("""(?:^\s*(?:- )?image: |^FROM |docker (?:run|pull) (?:--\S+ )*)(?<name>[^\s"]+)""", RegexOptions.Multiline)]
    private static partial Regex Image();

    [GeneratedRegex(@"image: postgres:(\d+)\.")]
    private static partial Regex DatabaseVersion();
}
