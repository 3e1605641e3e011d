using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Tests.Support;

static class FreePort
{
    /// <summary>A port that is not in use at the moment.</summary>
    public static int Find()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
