using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;

namespace ControlPlane.Tests;

/// <summary>The real Squid with a rendered configuration, on ports of this machine. Names resolve by a file only.</summary>
[UnsupportedOSPlatform("windows")]
sealed class SquidProcess : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("squid-").FullName;
    readonly Process _process;
    readonly Dictionary<int, int> _ports = [];

    /// <param name="hosts">Address and name on each line, as in <c>/etc/hosts</c>.</param>
    /// <param name="edit">Changes the configuration, such as the port of a test server.</param>
    SquidProcess(EgressRules rules, string hosts, Func<string, string> edit)
    {
        var config = edit(SquidConfig.Render(rules));
        List<int> ports = [.. rules.Relays.Select(relay => relay.Port), EgressRules.ProxyPort];
        foreach (var (port, free) in ports.Zip(FreePorts(ports.Count)))
        {
            _ports[port] = free;
            config = config.Replace($"http_port {port}", $"http_port 127.0.0.1:{free}", StringComparison.Ordinal);
        }

        // Started as root, Squid continues as another user.
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_101_101);
        File.WriteAllText(Path.Combine(_folder, "hosts"), hosts);
        // No name server answers there.
        config = config.Replace("/tmp", _folder, StringComparison.Ordinal) + $"hosts_file {_folder}/hosts\ndns_nameservers 127.0.0.1\n";
        config = config.Replace("dns_timeout 10 seconds", "dns_timeout 1 second", StringComparison.Ordinal);
        var file = Path.Combine(_folder, "egress.conf");
        File.WriteAllText(file, config);
        _process = Process.Start(new ProcessStartInfo("squid", ["-N", "-d", "1", "-f", file]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
    }

    public static async Task<SquidProcess> StartAsync(EgressRules rules, string hosts, Func<string, string>? edit = null)
    {
        var squid = new SquidProcess(rules, hosts, edit ?? (config => config));
        var listening = 0;
        while (listening < squid._ports.Count)
        {
            var line = await squid._process.StandardError.ReadLineAsync() ?? throw new InvalidOperationException("Squid refused the configuration.");
            Assert.DoesNotContain("WARNING", line, StringComparison.Ordinal);
            Assert.DoesNotContain("ERROR", line, StringComparison.Ordinal);
            Assert.DoesNotContain("FATAL", line, StringComparison.Ordinal);
            if (line.Contains("Accepting ", StringComparison.Ordinal))
            {
                listening++;
            }
        }

        _ = squid._process.StandardError.ReadToEndAsync();
        _ = squid._process.StandardOutput.ReadToEndAsync();
        return squid;
    }

    /// <summary>Sends a request as it is and reads what is answered until the connection ends or, after a tunnel was opened, its first bytes.</summary>
    public async Task<string> SendAsync(string request, int port = EgressRules.ProxyPort)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _ports[port]);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        if (!request.StartsWith("CONNECT ", StringComparison.Ordinal))
        {
            return await reader.ReadToEndAsync();
        }

        var status = await reader.ReadLineAsync() ?? "";
        if (!status.Contains(" 200 ", StringComparison.Ordinal))
        {
            return status;
        }

        while (await reader.ReadLineAsync() is { Length: > 0 })
        {
        }

        return $"{status}\n{await reader.ReadLineAsync()}";
    }

    public async Task<int> ConnectAsync(string target, int port = EgressRules.ProxyPort) => Status(await SendAsync($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n", port));

    public async Task<int> GetAsync(string url) => Status(await SendAsync($"GET {url} HTTP/1.1\r\nHost: {new Uri(url).Authority}\r\nConnection: close\r\n\r\n"));

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    static int Status(string response) => int.Parse(response.Split(' ')[1], CultureInfo.InvariantCulture);

    // All at the same time: a port that is free again may be found twice.
    static List<int> FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        var ports = listeners.ConvertAll(listener => ((IPEndPoint)listener.LocalEndpoint).Port);
        listeners.ForEach(listener => listener.Dispose());
        return ports;
    }
}

/// <summary>A server on this machine that greets whoever connects, or answers each HTTP request with the request itself.</summary>
sealed class LocalServer : IDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    /// <param name="greeting">Sent at once; null: the server answers requests.</param>
    public LocalServer(string? greeting)
    {
        _listener.Start();
        _ = ServeAsync(greeting);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    async Task ServeAsync(string? greeting)
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync();
                await using var stream = client.GetStream();
                if (greeting is not null)
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(greeting));
                    continue;
                }

                using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                var request = new StringBuilder();
                while (await reader.ReadLineAsync() is { Length: > 0 } line)
                {
                    request.AppendLine(line);
                }

                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {request.Length}\r\nConnection: close\r\n\r\n{request}"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The test has ended.
        }
    }
}
