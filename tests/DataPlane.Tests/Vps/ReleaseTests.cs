using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;

namespace ControlPlane.Tests.Vps;

/// <summary>The release archive, created and used as in a release.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class ReleaseTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("release-").FullName;

    [Fact]
    public async Task The_archive_is_reproducible_and_complete()
    {
        await RunAsync("scripts/package-release", "7.8.9", At("one"));
        await RunAsync("scripts/package-release", "7.8.9", At("two"));
        var archive = await File.ReadAllBytesAsync(At("one/controlplane-7.8.9.tar.gz"));
        Assert.Equal(archive, await File.ReadAllBytesAsync(At("two/controlplane-7.8.9.tar.gz")));
        Assert.Equal($"{Convert.ToHexStringLower(SHA256.HashData(archive))}  controlplane-7.8.9.tar.gz\n", await File.ReadAllTextAsync(At("one/controlplane-7.8.9.tar.gz.sha256")));

        // Unpacked as by cloud-init.
        Directory.CreateDirectory(At("7.8.9"));
        await RunAsync("tar", "--extract", "--gzip", "--file", At("one/controlplane-7.8.9.tar.gz"), "--directory", At("7.8.9"), "--strip-components", "1");
        Assert.Equal("7.8.9", await File.ReadAllTextAsync(At("7.8.9/VERSION")));
        Assert.StartsWith("Usage: ", await RunAsync(At("7.8.9/deploy/vps/install.sh"), "--help"), StringComparison.Ordinal);

        // As the image is built: without the folders in .dockerignore, with the command of the Dockerfile.
        foreach (var ignored in (await File.ReadAllLinesAsync(At("7.8.9/.dockerignore"))).Where(line => Directory.Exists(At($"7.8.9/{line}"))))
        {
            Directory.Delete(At($"7.8.9/{ignored}"), recursive: true);
        }

        var publish = Assert.Single(await File.ReadAllLinesAsync(At("7.8.9/deploy/vps/Dockerfile")), line => line.StartsWith("RUN dotnet publish ", StringComparison.Ordinal))
            .Replace(" /app ", $" {At("app")} ", StringComparison.Ordinal);
        await RunAsync("sh", "-c", $"cd '{At("7.8.9")}' && {publish["RUN ".Length..]}");
        Assert.Equal("7.8.9", (await RunAsync("dotnet", At("app/controlplane.dll"), "--version")).Trim());
    }

    [Fact]
    public async Task The_bill_of_materials_of_a_host_lists_its_packages_with_versions_licenses_and_hashes_and_no_test_tools()
    {
        await RunAsync("env", "SBOM_HOSTS=Local", Repository.At("scripts/package-sbom"), "7.8.9", _folder);
        using var bill = JsonDocument.Parse(await File.ReadAllTextAsync(At("controlplane-local-7.8.9.cdx.json")));
        Assert.Equal("CycloneDX", bill.RootElement.GetProperty("bomFormat").GetString());
        Assert.Equal("7.8.9", bill.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("version").GetString());
        var packages = bill.RootElement.GetProperty("components").EnumerateArray().ToDictionary(package => package.GetProperty("name").GetString()!);
        var npgsql = packages["Npgsql"];
        Assert.StartsWith("pkg:nuget/Npgsql@", npgsql.GetProperty("purl").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(npgsql.GetProperty("licenses").EnumerateArray());
        Assert.NotEmpty(npgsql.GetProperty("hashes").EnumerateArray());
        Assert.DoesNotContain(packages.Keys, name => name.StartsWith("xunit", StringComparison.OrdinalIgnoreCase) || name is "MinVer");
    }

    [Theory]
    [InlineData("")]
    [InlineData("latest")]
    [InlineData("v1.0.0")]
    public async Task An_invalid_version_is_rejected(string version)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync("scripts/package-release", version, At("none")));
        Assert.Contains("Usage: scripts/package-release VERSION", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("none")));
    }

    [Fact, Trait("Category", "Shellcheck")]
    public async Task Shellcheck_finds_nothing_in_the_scripts() => Assert.Equal(
        "", await RunAsync("sh", "-c", "shellcheck --external-sources --check-sourced deploy/vps/*.sh scripts/package-release scripts/package-sbom scripts/audit-packages"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string At(string path) => Path.Combine(_folder, path);

    /// <summary>Runs a command in the root of the checkout.</summary>
    /// <exception cref="InvalidOperationException">The command failed; the message is its output.</exception>
    static async Task<string> RunAsync(string command, params string[] arguments)
    {
        var path = command.Contains('/', StringComparison.Ordinal) ? Repository.At(command) : command;
        var start = new ProcessStartInfo(path, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        // Set by the test run; it would confuse the MSBuild started here.
        start.Environment.Remove("MSBUILD_EXE_PATH");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{command} exited with {process.ExitCode}: {output}{await errors}");
    }
}
