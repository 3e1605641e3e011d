using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Sends bytes that no HTTP client would.</summary>
static class RawHttp
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    static readonly TimeSpan UntilTheServerWaits = TimeSpan.FromMilliseconds(400);

    /// <summary>Sends it, and breaks off when the server waits for more.</summary>
    /// <param name="request">Latin-1, one byte for each character.</param>
    /// <returns>The status and the beginning of the answer; 0 when the connection was closed without one.</returns>
    public static async Task<(int Status, string Answer)> SendAsync(int port, string request)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var client = new TcpClient();
        await client.ConnectAsync("localhost", port, patience.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), patience.Token);
        var buffer = new byte[64 * 1024];
        var reading = stream.ReadAsync(buffer, patience.Token).AsTask();
        if (await Task.WhenAny(reading, Task.Delay(UntilTheServerWaits, patience.Token)) != reading)
        {
            client.Client.Shutdown(SocketShutdown.Send);
        }

        try
        {
            var answer = Encoding.Latin1.GetString(buffer, 0, await reading);
            return (answer.Length < 12 ? 0 : int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture), answer);
        }
        catch (IOException)
        {
            return (0, "");
        }
    }
}
