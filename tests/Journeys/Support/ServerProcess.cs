using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace ControlPlane.Tests.Support;

/// <summary>The real program in a separate process, which can be killed and restarted on the same data.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    public const string OperatorKey = "operator-key-of-the-crash-tests";
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    readonly Process _process;
    readonly ConcurrentQueue<string> _errors = new();

    ServerProcess(Process process, int port)
    {
        (_process, Port) = (process, port);
        Anonymous = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri($"http://localhost:{port}") };
        Operator = new HttpClient { BaseAddress = Anonymous.BaseAddress };
        Operator.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", OperatorKey);
    }

    public int Id => _process.Id;
    public int Port { get; }
    public HttpClient Anonymous { get; }
    public HttpClient Operator { get; }

    /// <summary>Its standard error so far.</summary>
    public string Errors => string.Join('\n', _errors);

    /// <summary>Starts <c>./run</c> with these options and a free port, and waits until it is ready.</summary>
    public static async Task<ServerProcess> StartAsync(params string[] options)
    {
        var port = FreePort.Find();
        var server = Launch(port, options);
        var started = Stopwatch.GetTimestamp();
        while (!await server.IsReadyAsync())
        {
            if (server._process.HasExited || Stopwatch.GetElapsedTime(started) > Timeout)
            {
                throw new InvalidOperationException($"The server did not become ready: {server.Errors}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        return server;
    }

    /// <summary>Starts the process without waiting.</summary>
    public static ServerProcess Launch(int port, params string[] options)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] words = [Path.Combine(AppContext.BaseDirectory, "controlplane.dll"), .. options, "--port", port.ToString(CultureInfo.InvariantCulture)];
        foreach (var word in words)
        {
            start.ArgumentList.Add(word);
        }

        start.Environment["CONTROLPLANE_OPERATOR_KEY"] = OperatorKey;
        start.Environment.Remove("CONTROLPLANE_DATABASE");
        // Crash tests compare all mails of several weeks, and move the clock by days between a signup and its confirmation.
        start.Environment["CONTROLPLANE_RETENTION"] = "mail=400d,signups=400d,links=400d";
        var server = new ServerProcess(Process.Start(start)!, port);
        server._process.OutputDataReceived += (_, _) => { };
        server._process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                server._errors.Enqueue(line.Data);
            }
        };
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    /// <summary>SIGKILL, without any clean-up. Returns when the process has ended.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGINT, as sent by Ctrl-C.</summary>
    public async Task<int> InterruptAsync()
    {
        using var kill = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        return await ExitAsync();
    }

    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await InterruptAsync();
        }

        _process.Dispose();
        Anonymous.Dispose();
        Operator.Dispose();
    }

    async Task<bool> IsReadyAsync()
    {
        try
        {
            using var reply = await Anonymous.GetAsync("/readyz");
            return reply.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
