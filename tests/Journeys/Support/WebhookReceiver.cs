using System.Collections.Concurrent;
using System.Net;

namespace ControlPlane.Tests.Support;

/// <summary>A tenant's application that receives webhooks.</summary>
sealed class WebhookReceiver : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly ConcurrentQueue<ReceivedWebhook> _received = new();

    WebhookReceiver(WebApplication app, Uri address) => (_app, Address) = (app, address);

    public Uri Address { get; }

    public HttpStatusCode ResponseStatus { get; set; } = HttpStatusCode.OK;

    public IReadOnlyList<ReceivedWebhook> Received => [.. _received];

    /// <summary>Whether requests are received and never answered.</summary>
    public bool Hangs { get; set; }

    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var address = $"http://127.0.0.1:{FreePort.Find()}";
        app.Urls.Add(address);
        var receiver = new WebhookReceiver(app, new Uri($"{address}/hooks"));
        app.MapPost("/hooks", async (HttpRequest request, HttpResponse response) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            receiver._received.Enqueue(new ReceivedWebhook(
                request.Headers["webhook-id"]!, request.Headers["webhook-timestamp"]!, request.Headers["webhook-signature"]!, body.ToArray()));
            if (receiver.Hangs)
            {
                await Task.Delay(Timeout.Infinite, request.HttpContext.RequestAborted);
            }

            response.StatusCode = (int)receiver.ResponseStatus;
            response.Headers.Location = $"{address}/elsewhere";
        });
        await app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

sealed record ReceivedWebhook(string Id, string Timestamp, string Signature, byte[] Body);
