using System.Collections.Concurrent;
using System.Xml.Linq;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>The queues of a storage account: accepts messages over their REST API.</summary>
sealed class StorageAccount : IAsyncDisposable
{
    const string Account = "devstoreaccount1";

    readonly WebApplication _app;

    StorageAccount(WebApplication app) => _app = app;

    /// <summary>The messages received.</summary>
    public ConcurrentQueue<(string Queue, string Text)> Messages { get; } = new();

    public bool Refuses { get; set; }

    public string ConnectionString =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Convert.ToBase64String(new byte[32])};QueueEndpoint={_app.Urls.Single()}/{Account}";

    public static async Task<StorageAccount> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var queues = new StorageAccount(app);
        app.MapPost($"/{Account}/{{queue}}/messages", queues.ReceiveAsync);
        await app.StartAsync();
        return queues;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    async Task<IResult> ReceiveAsync(string queue, HttpRequest request, CancellationToken ct)
    {
        if (Refuses)
        {
            return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
        }

        var message = await XDocument.LoadAsync(request.Body, LoadOptions.None, ct);
        Messages.Enqueue((queue, message.Root!.Element("MessageText")!.Value));
        const string Accepted = """
            <QueueMessagesList><QueueMessage><MessageId>1</MessageId><InsertionTime>Thu, 01 Jan 2026 00:00:00 GMT</InsertionTime>
            <ExpirationTime>Thu, 08 Jan 2026 00:00:00 GMT</ExpirationTime><PopReceipt>1</PopReceipt>
            <TimeNextVisible>Thu, 01 Jan 2026 00:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>
            """;
        return Results.Text(Accepted, "application/xml", statusCode: StatusCodes.Status201Created);
    }
}
