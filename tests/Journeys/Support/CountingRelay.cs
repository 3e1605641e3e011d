using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>A proxy between a client and PostgreSQL that counts round trips: requests that follow a response.</summary>
sealed class CountingRelay : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly EndPoint _server;
    readonly CancellationTokenSource _stop = new();
    int _roundTrips;

    CountingRelay(NpgsqlConnectionStringBuilder server)
    {
        _server = server.Host!.StartsWith('/')
            ? new UnixDomainSocketEndPoint($"{server.Host}/.s.PGSQL.{server.Port}")
            : new DnsEndPoint(server.Host, server.Port);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <returns>The relay, and the connection string that goes through it.</returns>
    public static (CountingRelay Relay, string ConnectionString) InFrontOf(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var relay = new CountingRelay(settings);
        (settings.Host, settings.Port) = ("127.0.0.1", ((IPEndPoint)relay._listener.LocalEndpoint).Port);
        return (relay, settings.ToString());
    }

    /// <summary>Round trips of <paramref name="work"/> on connections that are already open.</summary>
    public async Task<int> CountAsync(Func<Task> work)
    {
        var before = Volatile.Read(ref _roundTrips);
        await work();
        return Volatile.Read(ref _roundTrips) - before;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _stop.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            _ = RelayAsync(await _listener.AcceptSocketAsync(_stop.Token));
        }
    }

    async Task RelayAsync(Socket client)
    {
        using var server = new Socket(_server is UnixDomainSocketEndPoint ? AddressFamily.Unix : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.IP);
        using (client)
        {
            await server.ConnectAsync(_server, _stop.Token);
            var answered = true;
            await Task.WhenAny(
                CopyAsync(client, server, () =>
                {
                    if (Interlocked.Exchange(ref answered, false))
                    {
                        Interlocked.Increment(ref _roundTrips);
                    }
                }),
                CopyAsync(server, client, () => Volatile.Write(ref answered, true)));
        }
    }

    async Task CopyAsync(Socket from, Socket to, Action onData)
    {
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
        {
            onData();
            await to.SendAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
