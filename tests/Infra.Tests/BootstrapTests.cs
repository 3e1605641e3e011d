using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace ControlPlane.Infra.Tests;

/// <summary>Runs the bootstrap script with a local release and with its target folders under a temporary one.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BootstrapTests : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("bootstrap-").FullName;

    [Fact]
    public async Task A_release_with_the_right_digest_is_installed()
    {
        var result = await RunAsync(await PublishAsync(), "");
        Assert.Equal($"installs {_root}/opt/controlplane/0.2.0/deploy/vps for dev.llm.example.com in eu-central-1, SSH from 198.51.100.0/28, VPN 10.0.0.0/8\n", result.Output);
        Assert.Equal(0, result.Exit);
    }

    [Fact]
    public async Task A_release_with_another_digest_is_neither_unpacked_nor_run()
    {
        await PublishAsync();
        var result = await RunAsync(new string('0', 64), "");
        Assert.NotEqual(0, result.Exit);
        Assert.DoesNotContain("installs", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "opt")));
    }

    [Fact]
    public async Task The_script_can_run_again()
    {
        var digest = await PublishAsync();
        await RunAsync(digest, "");
        Assert.Equal(0, (await RunAsync(digest, "")).Exit);
    }

    [Fact]
    public async Task Curl_is_installed_when_it_is_missing()
    {
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        await File.WriteAllTextAsync(Path.Combine(_root, "bin/apt-get"), "#!/bin/sh\necho apt-get \"$@\" >&2\n");
        File.SetUnixFileMode(Path.Combine(_root, "bin/apt-get"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var result = await RunAsync(await PublishAsync(), "PATH=$PWD/bin:$PATH; command() { false; }; ");
        Assert.Contains("apt-get update --quiet\napt-get install --quiet --yes curl ca-certificates\n", result.Errors, StringComparison.Ordinal);
        Assert.StartsWith("installs ", result.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <returns>The digest of a release whose installer prints its settings.</returns>
    async Task<string> PublishAsync()
    {
        Directory.CreateDirectory(Path.Combine(_root, "release/controlplane-0.2.0/deploy/vps"));
        var installer = Path.Combine(_root, "release/controlplane-0.2.0/deploy/vps/install.sh");
        await File.WriteAllTextAsync(installer, """
            #!/bin/sh
            echo "installs $(dirname "$0") for $CONTROLPLANE_DOMAIN in $CONTROLPLANE_REGION, SSH from $CONTROLPLANE_SSH_FROM, VPN $CONTROLPLANE_VPN_RANGES"

            """);
        File.SetUnixFileMode(installer, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await ShellAsync("tar --create --gzip --file release.tar.gz --directory release controlplane-0.2.0", "");
        return Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(_root, "release.tar.gz"))));
    }

    async Task<(int Exit, string Output, string Errors)> RunAsync(string digest, string preamble)
    {
        var stack = StackFile.Read("dev").With("vps:releaseSha256", digest);
        var script = Bootstrap.Script(Plan.Read(new Settings(key => stack.Config.GetValueOrDefault(key))))
            .Replace("/opt/", $"{_root}/opt/", StringComparison.Ordinal).Replace("/var/lib/", $"{_root}/var/lib/", StringComparison.Ordinal);
        // Serves the release only for its exact URL and with HTTPS enforced.
        var curl = """curl() { case "$*" in *"--proto =https"*" https://releases.example.com/controlplane/v0.2.0/controlplane-0.2.0.tar.gz") cp release.tar.gz "$archive" ;; *) exit 9 ;; esac; }; """;
        return await ShellAsync(null, curl + preamble + script);
    }

    async Task<(int Exit, string Output, string Errors)> ShellAsync(string? command, string input)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh", command is null ? ["-s"] : ["-c", command])
        {
            WorkingDirectory = _root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await shell.StandardInput.WriteAsync(input);
        shell.StandardInput.Close();
        var errors = shell.StandardError.ReadToEndAsync();
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        return (shell.ExitCode, output, await errors);
    }
}
