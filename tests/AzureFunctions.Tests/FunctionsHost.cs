using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Reflection;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>
/// The Functions host's end of the gRPC stream to a worker (https://github.com/Azure/azure-functions-language-worker-protobuf). Messages are
/// converted from and to JSON with the descriptors in the worker's own package.
/// </summary>
sealed class FunctionsHost : IAsyncDisposable
{
    static readonly MessageDescriptor Message = ((FileDescriptor)Assembly.Load("Microsoft.Azure.Functions.Worker.Grpc")
        .GetType("Microsoft.Azure.Functions.Worker.Grpc.Messages.FunctionRpcReflection", throwOnError: true)!
        .GetProperty("Descriptor")!.GetValue(null)!).FindTypeByName<MessageDescriptor>("StreamingMessage");

    static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    readonly WebApplication _app;
    readonly TaskCompletionSource<PipeWriter> _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement>> _replies = new();
    readonly SemaphoreSlim _writing = new(1);

    FunctionsHost(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <summary>Completes when a worker has opened the stream and identified itself.</summary>
    public Task Connected => _connected.Task;

    public static async Task<FunctionsHost> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2);
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
        });
        var app = builder.Build();
        var host = new FunctionsHost(app);
        app.MapPost("/AzureFunctionsRpcMessages.FunctionRpc/EventStream", host.ReadAsync);
        await app.StartAsync();
        return host;
    }

    /// <param name="kind">A content field of <c>StreamingMessage</c>, such as <c>workerInitRequest</c>.</param>
    /// <returns>The content of the worker's reply.</returns>
    public async Task<JsonElement> RequestAsync(string kind, object content)
    {
        var (id, reply) = (Ids.New(TimeProvider.System).ToString(), new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously));
        _replies[id] = reply;
        var message = JsonParser.Default.Parse(JsonSerializer.Serialize(new Dictionary<string, object> { ["requestId"] = id, [kind] = content }), Message);
        var frame = new byte[FrameHeader + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.CalculateSize());
        message.WriteTo(frame.AsSpan(FrameHeader));
        var stream = await _connected.Task;
        await _writing.WaitAsync();
        try
        {
            await stream.WriteAsync(frame);
        }
        finally
        {
            _writing.Release();
        }

        return await reply.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _writing.Dispose();
    }

    /// <summary>A gRPC frame starts with a byte for compression, here none, and the message's length.</summary>
    const int FrameHeader = 5;

    async Task ReadAsync(HttpContext stream)
    {
        stream.Response.ContentType = "application/grpc";
        await stream.Response.StartAsync();
        for (var read = await stream.Request.BodyReader.ReadAsync(); !read.IsCompleted; read = await stream.Request.BodyReader.ReadAsync())
        {
            var unread = read.Buffer;
            while (TryReadFrame(ref unread, out var message))
            {
                Receive(message, stream.Response.BodyWriter);
            }

            stream.Request.BodyReader.AdvanceTo(unread.Start, unread.End);
        }
    }

    void Receive(ReadOnlySequence<byte> frame, PipeWriter replies)
    {
        using var json = JsonDocument.Parse(Json.Format(Message.Parser.ParseFrom(frame)));
        if (json.RootElement.TryGetProperty("startStream", out _))
        {
            _connected.TrySetResult(replies);
        }
        else if (_replies.TryRemove(json.RootElement.GetProperty("requestId").GetString()!, out var reply))
        {
            reply.SetResult(json.RootElement.EnumerateObject().Single(property => property.Name != "requestId").Value.Clone());
        }
    }

    static bool TryReadFrame(ref ReadOnlySequence<byte> unread, out ReadOnlySequence<byte> message)
    {
        message = default;
        var reader = new SequenceReader<byte>(unread);
        if (!reader.TryRead(out _) || !reader.TryReadBigEndian(out int length) || !reader.TryReadExact(length, out message))
        {
            return false;
        }

        unread = reader.UnreadSequence;
        return true;
    }
}
