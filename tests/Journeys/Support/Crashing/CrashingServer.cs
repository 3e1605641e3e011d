using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests.Support.Crashing;

/// <summary>The real program, killed and restarted on the same data while clients use it.</summary>
sealed class CrashingServer : IAsyncDisposable
{
    static readonly TimeSpan ClientPause = TimeSpan.FromMilliseconds(50);

    readonly string[] _options;
    ServerProcess _process;

    CrashingServer(ServerProcess process, string[] options) => (_process, _options) = (process, options);

    public int Kills { get; private set; }

    /// <summary>An anonymous client of the current process.</summary>
    public HttpClient Anonymous => _process.Anonymous;

    /// <param name="first">Options of the first start only.</param>
    /// <param name="options">Options of every start.</param>
    public static async Task<CrashingServer> StartAsync(string[] first, params string[] options) =>
        new(await ServerProcess.StartAsync([.. options, .. first]), options);

    /// <summary>Kills the process with SIGKILL and restarts it on the same data.</summary>
    /// <param name="between">Runs between kill and restart.</param>
    public async Task CrashAsync(Func<Task>? between = null)
    {
        await _process.KillAsync();
        Kills++;
        await (between?.Invoke() ?? Task.CompletedTask);
        await RestartAsync();
    }

    /// <summary>Restarts the process after it has exited.</summary>
    public async Task RestartAsync()
    {
        var exited = _process;
        _process = await ServerProcess.StartAsync(_options);
        await exited.DisposeAsync();
    }

    /// <summary>Stops the process with Ctrl-C.</summary>
    /// <returns>The exit code.</returns>
    public Task<int> StopAsync() => _process.InterruptAsync();

    /// <summary>Sends the same request until there is a final response, as a client with retries does.</summary>
    /// <param name="refused">Called with each 503 or 409.</param>
    public async Task<JsonElement> SendAsync(Func<HttpRequestMessage> request, CancellationToken ct, bool asOperator = false, Action<HttpResponseMessage>? refused = null)
    {
        while (true)
        {
            try
            {
                using var message = request();
                using var reply = await (asOperator ? _process.Operator : _process.Anonymous).SendAsync(message, ct);
                if (reply.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict))
                {
                    return await reply.ReadAsync();
                }

                refused?.Invoke(reply);
            }
            catch (Exception e) when (e is HttpRequestException { StatusCode: null } or IOException or ObjectDisposedException or OperationCanceledException && !ct.IsCancellationRequested)
            {
                // The server was killed before, during or after the work; the client cannot tell which.
            }

            await Task.Delay(ClientPause, ct);
        }
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();
}
