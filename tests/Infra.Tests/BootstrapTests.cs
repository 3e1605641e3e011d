using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace ControlPlane.Infra.Tests;

/// <summary>The script that turns an empty host into the platform, run for real: what it fetches comes from a folder, and its folders lie in another.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BootstrapTests : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("bootstrap-").FullName;

    [Fact]
    public async Task It_installs_what_has_the_digest()
    {
        var said = await RunAsync(await PublishAsync(), "");
        Assert.Equal($"installs {_root}/opt/controlplane/0.1.0/deploy/vps of dev.llm.example.com in eu-central-1 for 198.51.100.0/28 and 10.0.0.0/8\n", said.Output);
        Assert.Equal(0, said.Exit);
    }

    [Fact]
    public async Task What_has_another_digest_is_neither_unpacked_nor_run()
    {
        await PublishAsync();
        var said = await RunAsync(new string('0', 64), "");
        Assert.NotEqual(0, said.Exit);
        Assert.DoesNotContain("installs", said.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "opt")));
    }

    [Fact]
    public async Task What_is_already_there_does_no_harm()
    {
        var digest = await PublishAsync();
        await RunAsync(digest, "");
        Assert.Equal(0, (await RunAsync(digest, "")).Exit);
    }

    [Fact]
    public async Task On_a_host_without_curl_it_brings_it_and_goes_on()
    {
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        await File.WriteAllTextAsync(Path.Combine(_root, "bin/apt-get"), "#!/bin/sh\necho apt-get \"$@\" >&2\n");
        File.SetUnixFileMode(Path.Combine(_root, "bin/apt-get"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var said = await RunAsync(await PublishAsync(), "PATH=$PWD/bin:$PATH; command() { false; }; ");
        Assert.Contains("apt-get update --quiet\napt-get install --quiet --yes curl ca-certificates\n", said.Errors, StringComparison.Ordinal);
        Assert.StartsWith("installs ", said.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <returns>The digest of a release whose installer says what it was given.</returns>
    async Task<string> PublishAsync()
    {
        Directory.CreateDirectory(Path.Combine(_root, "release/controlplane-0.1.0/deploy/vps"));
        var installer = Path.Combine(_root, "release/controlplane-0.1.0/deploy/vps/install.sh");
        await File.WriteAllTextAsync(installer, """
            #!/bin/sh
            echo "installs $(dirname "$0") of $CONTROLPLANE_DOMAIN in $CONTROLPLANE_REGION for $CONTROLPLANE_SSH_FROM and $CONTROLPLANE_VPN_RANGES"

            """);
        File.SetUnixFileMode(installer, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await ShellAsync("tar --create --gzip --file release.tar.gz --directory release controlplane-0.1.0", "");
        return Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(_root, "release.tar.gz"))));
    }

    async Task<(int Exit, string Output, string Errors)> RunAsync(string digest, string before)
    {
        var stack = StackFile.Read("dev").With("vps:releaseSha256", digest);
        var script = Bootstrap.Script(Plan.Read(new Settings(key => stack.Config.GetValueOrDefault(key))))
            .Replace("/opt/", $"{_root}/opt/", StringComparison.Ordinal).Replace("/var/lib/", $"{_root}/var/lib/", StringComparison.Ordinal);
        // The release is fetched by its address, and only by https.
        var curl = """curl() { case "$*" in *"--proto =https"*" https://releases.example.com/controlplane/v0.1.0/controlplane-0.1.0.tar.gz") cp release.tar.gz "$archive" ;; *) exit 9 ;; esac; }; """;
        return await ShellAsync(null, curl + before + script);
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
