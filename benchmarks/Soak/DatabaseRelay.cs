using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>The network between the server and PostgreSQL, which can be cut: then nothing arrives, and neither side is told.</summary>
sealed class DatabaseRelay : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly Task _accepting;
    CancellationTokenSource _connections = new();
    TaskCompletionSource? _cut;

    public DatabaseRelay()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The server's Unix socket. A restarted server has another one.</summary>
    public required UnixDomainSocketEndPoint Server { get; set; }

    /// <summary>Open connections hang, and new ones are accepted but never answered, as behind a router that lost its uplink.</summary>
    public void Cut() => _cut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends the connections that hung, and lets new ones through.</summary>
    public async Task RestoreAsync()
    {
        var cut = Interlocked.Exchange(ref _cut, null);
        var ended = Interlocked.Exchange(ref _connections, new CancellationTokenSource());
        await ended.CancelAsync();
        cut?.SetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await RestoreAsync();
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await _connections.CancelAsync();
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = RelayAsync(await _listener.AcceptSocketAsync(_stop.Token), _connections.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Stopped, or the client was killed while it connected.
            }
        }
    }

    async Task RelayAsync(Socket client, CancellationToken ended)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.IP);
        using (client)
        {
            try
            {
                await PassAsync(ended);
                client.NoDelay = true;
                await server.ConnectAsync(Server, ended);
                await Task.WhenAny(CopyAsync(client, server, ended), CopyAsync(server, client, ended));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // Closing the client's connection tells it that the server is unavailable.
            }
        }
    }

    async Task CopyAsync(Socket from, Socket to, CancellationToken ended)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            int read;
            while ((read = await from.ReceiveAsync(buffer, ended)) > 0)
            {
                await PassAsync(ended);
                await to.SendAsync(buffer.AsMemory(0, read), ended);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side is gone; the other one is closed next.
        }
    }

    Task PassAsync(CancellationToken ended) => _cut?.Task.WaitAsync(ended) ?? Task.CompletedTask;
}
