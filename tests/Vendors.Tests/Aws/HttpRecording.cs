using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Aws;

/// <summary>HTTP exchanges with a service, from a file in Exchanges/. Requests must match the recorded ones, in order, and be signed.</summary>
sealed class HttpRecording : HttpMessageHandler
{
    readonly Queue<JsonNode> _exchanges;

    HttpRecording(IEnumerable<JsonNode?> exchanges) => _exchanges = new(exchanges.Select(exchange => exchange!));

    public static HttpRecording Of(string file, [CallerFilePath] string here = "") =>
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "Exchanges", file)))!.AsArray());

    public void AssertAllUsed() => Assert.Empty(_exchanges);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Assert.True(_exchanges.TryDequeue(out var exchange), $"{request.Method} {request.RequestUri} was called, but no further exchange is recorded.");
        Assert.Equal($"{exchange["method"]} {exchange["url"]}", $"{request.Method} {request.RequestUri!.AbsoluteUri}");
        var body = request.Content is null ? null : JsonNode.Parse(await request.Content.ReadAsStringAsync(cancellationToken));
        Assert.Equal(exchange["body"]?.ToJsonString(), body?.ToJsonString());
        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", request.Headers.GetValues("Authorization").Single(), StringComparison.Ordinal);
        var response = new HttpResponseMessage((HttpStatusCode)(int)exchange["status"]!);
        if (exchange["type"] is { } type)
        {
            response.Headers.Add("x-amzn-ErrorType", (string)type!);
        }

        if (exchange["reply"] is { } reply)
        {
            response.Content = new StringContent(reply.ToJsonString(), Encoding.UTF8, "application/json");
        }

        return response;
    }
}
