using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ControlPlane.Tests.Vps;

namespace ControlPlane.Tests;

/// <summary><c>scripts/update-images</c> against a registry of the test.</summary>
[Trait("Category", "Python"), UnsupportedOSPlatform("windows")]
public sealed class UpdateImagesTests : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("update-images-").FullName;

    [Fact]
    public async Task The_newest_version_of_the_line_is_proposed_with_its_digest_and_a_link_to_the_changes()
    {
        using var registry = new FakeRegistry(["latest", "v1.108.9", "main-v1.108.40", "v1.108.30-rc1", "v1.108", "v1.109.2", "v1.108.20", "1.108.50"]);
        var (exitCode, output) = await RunAsync(registry.Url, """{"litellm": "ghcr.io/berriai/litellm-non_root:v1.108.17"}""");
        Assert.Equal(
            (0, $"""
            litellm: v1.108.17 -> v1.108.20
              image    ghcr.io/berriai/litellm-non_root:v1.108.20@{FakeRegistry.Digest("v1.108.20")}
              newer    v1.109.2 is in another line
              changes  https://github.com/BerriAI/litellm/releases

            """),
            (exitCode, output));
        // Anonymous access, and all pages of the list.
        Assert.Equal(2, registry.Requests.Count(request => request.StartsWith("/v2/berriai/litellm-non_root/tags/list?n=1000 Bearer", StringComparison.Ordinal) || request.Contains("last=", StringComparison.Ordinal)));
        Assert.Contains("/v2/berriai/litellm-non_root/manifests/v1.108.20 Bearer anonymous", registry.Requests);
    }

    [Fact]
    public async Task Suffixes_are_compared_by_their_form_and_a_current_image_gets_its_digest()
    {
        using var registry = new FakeRegistry(["8.8.3-alpine", "8.8.4", "8.10.0-alpine", "9.0.0-alpine", "8.9.0-bookworm"]);
        var (_, output) = await RunAsync(registry.Url, """{"redis": "redis:8.8.2-alpine"}""");
        Assert.StartsWith("redis: 8.8.2-alpine -> 8.10.0-alpine\n", output, StringComparison.Ordinal);
        Assert.Contains("  newer    9.0.0-alpine is in another line\n", output, StringComparison.Ordinal);
        Assert.Contains(registry.Requests, request => request.StartsWith("/v2/library/redis/", StringComparison.Ordinal));

        var (_, current) = await RunAsync(registry.Url, """{"redis": "redis:8.10.0-alpine"}""");
        Assert.StartsWith($"redis: 8.10.0-alpine is the newest of its line\n  image    redis:8.10.0-alpine@{FakeRegistry.Digest("8.10.0-alpine")}\n", current, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_version_is_never_proposed()
    {
        using var registry = new FakeRegistry(["v1.82.7", "v1.82.8", "v1.107.0"]);
        var (_, output) = await RunAsync(registry.Url, """{"litellm": "ghcr.io/berriai/litellm-non_root:v1.82.6"}""");
        Assert.StartsWith("litellm: v1.82.6 is the newest of its line\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("1.107.0", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tag_that_names_another_image_than_the_pinned_digest_is_reported()
    {
        using var registry = new FakeRegistry(["6.6-24.04_beta"]);
        var pinned = $"sha256:{new string('a', 64)}";
        var (_, output) = await RunAsync(registry.Url, $$"""{"squid": "ubuntu/squid:6.6-24.04_beta@{{pinned}}"}""");
        Assert.Contains($"  moved    the tag no longer names {pinned}\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_image_of_the_table_has_a_link_to_its_changes()
    {
        using var registry = new FakeRegistry([]);
        var (exitCode, output) = await RunAsync(registry.Url, images: null);
        Assert.Equal(0, exitCode);
        Assert.Equal(Images.All.Keys, output.Split('\n').Where(line => line.Length > 0 && line[0] != ' ').Select(line => line.Split(':')[0]));
        Assert.Equal(Images.All.Count, output.Split("  changes  https://").Length - 1);
    }

    [Fact]
    public async Task Offline_it_says_so_once()
    {
        string url;
        using (var registry = new FakeRegistry([]))
        {
            url = registry.Url;
        }

        var (exitCode, output) = await RunAsync(url, images: null);
        Assert.Equal(1, exitCode);
        Assert.Matches($@"^{url} cannot be reached \(.+\): run this where the internet is reachable\.\n$", output);
    }

    [Theory]
    [InlineData("digest", "the digest that it names for 8.8.2-alpine is not that of what it sent")]
    [InlineData("realm", "it asks for credentials")]
    [InlineData("redirect", "it redirects to http://registry.example.com/, which is not https")]
    [InlineData("link", "it links to another server, https://registry.example.com/v2/")]
    [InlineData("missing", "it answered 404 for ")]
    public async Task A_registry_that_is_not_to_be_trusted_is_an_error(string fault, string message)
    {
        using var registry = new FakeRegistry([]) { Fault = fault };
        var (exitCode, output) = await RunAsync(registry.Url, """{"redis": "redis:8.8.2-alpine"}""");
        Assert.Equal(1, exitCode);
        Assert.StartsWith($"redis: {registry.Url}: {message}", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://registry.example.com"), InlineData("file:///etc"), InlineData("ftp://127.0.0.1")]
    public async Task A_registry_elsewhere_is_asked_over_https_only(string url)
    {
        var (exitCode, output) = await RunAsync(url, images: null);
        Assert.Equal(2, exitCode);
        Assert.Contains("--registry must be an https URL, or http on this machine", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <param name="images">Content of images.json; null: the project's own.</param>
    async Task<(int ExitCode, string Output)> RunAsync(string registry, string? images)
    {
        Directory.CreateDirectory(Path.Combine(_root, "scripts"));
        Directory.CreateDirectory(Path.Combine(_root, "dataplane"));
        File.Copy(Repository.At("scripts/update-images"), Path.Combine(_root, "scripts/update-images"), overwrite: true);
        File.Copy(Repository.At("dataplane/refused-versions.json"), Path.Combine(_root, "dataplane/refused-versions.json"), overwrite: true);
        await File.WriteAllTextAsync(Path.Combine(_root, "dataplane/images.json"), images ?? await File.ReadAllTextAsync(Repository.At("dataplane/images.json")));
        using var process = Process.Start(new ProcessStartInfo("python3", [Path.Combine(_root, "scripts/update-images"), "--registry", registry]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}

/// <summary>A registry on this machine with the same tags in every repository, and access for whoever has asked for an anonymous token.</summary>
sealed class FakeRegistry : IDisposable
{
    readonly HttpListener _listener = new();
    readonly string[] _tags;

    public FakeRegistry(string[] tags)
    {
        _tags = tags;
        using (var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        }

        _listener.Prefixes.Add($"{Url}/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    /// <summary>What is wrong with it.</summary>
    public string? Fault { get; init; }

    /// <summary>Path, query and credentials of each request.</summary>
    public List<string> Requests { get; } = [];

    public static string Digest(string tag) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Manifest(tag))))}";

    public void Dispose() => _listener.Close();

    static string Manifest(string tag) => $"manifest of {tag}";

    async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var (request, response) = (context.Request, context.Response);
                Requests.Add($"{request.RawUrl} {request.Headers["Authorization"]}");
                var body = Answer(request, response);
                await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
                response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    string Answer(HttpListenerRequest request, HttpListenerResponse response)
    {
        var path = request.Url!.AbsolutePath;
        if (path == "/token")
        {
            return """{"token": "anonymous"}""";
        }

        if (request.Headers["Authorization"] != "Bearer anonymous")
        {
            response.StatusCode = 401;
            response.AddHeader("WWW-Authenticate", $"Bearer realm=\"{(Fault == "realm" ? "http://registry.example.com" : Url)}/token\",service=\"fake\"");
            return "";
        }

        if (path.EndsWith("/tags/list", StringComparison.Ordinal))
        {
            response.StatusCode = Fault switch { "missing" => 404, "redirect" => 307, _ => 200 };
            response.AddHeader("Location", "http://registry.example.com/");
            var (first, rest) = (_tags.Take(_tags.Length / 2), _tags.Skip(_tags.Length / 2));
            var isFirst = !request.Url.Query.Contains("last=", StringComparison.Ordinal);
            if (isFirst)
            {
                response.AddHeader("Link", $"<{(Fault == "link" ? "https://registry.example.com" : "")}{path}?n=1000&last=x>; rel=\"next\"");
            }

            return JsonSerializer.Serialize(new { tags = isFirst ? first : rest });
        }

        var tag = path[(path.LastIndexOf('/') + 1)..];
        response.AddHeader("Docker-Content-Digest", Fault == "digest" ? Digest("another") : Digest(tag));
        return Manifest(tag);
    }
}
