using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.Tests.Support;

/// <summary>Records what an OTLP exporter sends over HTTP. Strings are stored verbatim in protobuf, so they can be searched without a schema.</summary>
sealed class Collector : IAsyncDisposable
{
    readonly ConcurrentQueue<(string Path, string Body)> _received = [];
    readonly WebApplication _app;

    Collector(Uri address)
    {
        Address = address;
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(address.ToString());
        _app = builder.Build();
        _app.MapPost("/v1/{signal}", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body, Encoding.Latin1);
            _received.Enqueue((request.Path, await reader.ReadToEndAsync()));
        });
    }

    public Uri Address { get; }

    public static async Task<Collector> StartAsync()
    {
        var collector = new Collector(new Uri($"http://127.0.0.1:{FreePort.Find()}"));
        await collector._app.StartAsync();
        return collector;
    }

    /// <param name="path"><c>/v1/traces</c>, <c>/v1/metrics</c> or <c>/v1/logs</c>.</param>
    public string Received(string path) => string.Concat(_received.Where(sent => sent.Path == path).Select(sent => sent.Body));

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
