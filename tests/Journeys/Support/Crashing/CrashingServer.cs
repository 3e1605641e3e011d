using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests.Support.Crashing;

/// <summary>The real program on data of its own, killed and started again on the same data while clients use it.</summary>
sealed class CrashingServer : IAsyncDisposable
{
    static readonly TimeSpan ClientPause = TimeSpan.FromMilliseconds(50);

    readonly string[] _options;
    ServerProcess _process;

    CrashingServer(ServerProcess process, string[] options) => (_process, _options) = (process, options);

    public int Kills { get; private set; }

    /// <summary>To the process as it runs now.</summary>
    public HttpClient Anyone => _process.Anyone;

    /// <param name="first">Options of the first start only.</param>
    /// <param name="options">Options of every start.</param>
    public static async Task<CrashingServer> StartAsync(string[] first, params string[] options) =>
        new(await ServerProcess.StartAsync([.. options, .. first]), options);

    /// <summary>SIGKILL, and a new start on the same data.</summary>
    /// <param name="between">Done while nothing runs.</param>
    public async Task CrashAsync(Func<Task>? between = null)
    {
        await _process.KillAsync();
        Kills++;
        await (between?.Invoke() ?? Task.CompletedTask);
        await RestartAsync();
    }

    /// <summary>A new start after the process has ended.</summary>
    public async Task RestartAsync()
    {
        var gone = _process;
        _process = await ServerProcess.StartAsync(_options);
        await gone.DisposeAsync();
    }

    /// <returns>The exit code of Ctrl-C.</returns>
    public Task<int> StopAsync() => _process.InterruptAsync();

    /// <summary>Sends until there is a final answer, as a client that wants its work done does. What it sends is the same each time.</summary>
    /// <param name="refused">Told about each 503.</param>
    public async Task<JsonElement> SendAsync(Func<HttpRequestMessage> request, CancellationToken ct, bool asOperator = false, Action<HttpResponseMessage>? refused = null)
    {
        while (true)
        {
            try
            {
                using var message = request();
                using var reply = await (asOperator ? _process.Operator : _process.Anyone).SendAsync(message, ct);
                if (reply.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict))
                {
                    return await reply.ReadAsync();
                }

                refused?.Invoke(reply);
            }
            catch (Exception e) when (e is HttpRequestException { StatusCode: null } or IOException or ObjectDisposedException or OperationCanceledException && !ct.IsCancellationRequested)
            {
                // The server was killed before, in the middle of, or after the work: the client cannot know.
            }

            await Task.Delay(ClientPause, ct);
        }
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();
}
