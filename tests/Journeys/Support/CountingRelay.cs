using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>Stands between a client and PostgreSQL and counts round trips: how often a client speaks after it was answered.</summary>
sealed class CountingRelay : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly EndPoint _server;
    readonly CancellationTokenSource _ending = new();
    int _trips;

    CountingRelay(NpgsqlConnectionStringBuilder server)
    {
        _server = server.Host!.StartsWith('/')
            ? new UnixDomainSocketEndPoint($"{server.Host}/.s.PGSQL.{server.Port}")
            : new DnsEndPoint(server.Host, server.Port);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <returns>The relay, and the connection string that goes through it.</returns>
    public static (CountingRelay Relay, string ConnectionString) Before(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var relay = new CountingRelay(settings);
        (settings.Host, settings.Port) = ("127.0.0.1", ((IPEndPoint)relay._listener.LocalEndpoint).Port);
        return (relay, settings.ToString());
    }

    /// <summary>Round trips of <paramref name="work"/> on connections that are open already.</summary>
    public async Task<int> CountAsync(Func<Task> work)
    {
        var before = Volatile.Read(ref _trips);
        await work();
        return Volatile.Read(ref _trips) - before;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        _ending.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            _ = RelayAsync(await _listener.AcceptSocketAsync(_ending.Token));
        }
    }

    async Task RelayAsync(Socket client)
    {
        using var server = new Socket(_server is UnixDomainSocketEndPoint ? AddressFamily.Unix : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.IP);
        using (client)
        {
            await server.ConnectAsync(_server, _ending.Token);
            var answered = true;
            await Task.WhenAny(
                CopyAsync(client, server, () =>
                {
                    if (Interlocked.Exchange(ref answered, false))
                    {
                        Interlocked.Increment(ref _trips);
                    }
                }),
                CopyAsync(server, client, () => Volatile.Write(ref answered, true)));
        }
    }

    async Task CopyAsync(Socket from, Socket to, Action passing)
    {
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _ending.Token)) > 0)
        {
            passing();
            await to.SendAsync(buffer.AsMemory(0, read), _ending.Token);
        }
    }
}
