using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Memory of the server while it reads a body of 1 GB, which it must not buffer.</summary>
sealed class StreamMemory(BenchEnvironment environment) : Measure
{
    const long Bytes = 1_000_000_000;
    static readonly TimeSpan SampleInterval = TimeSpan.FromMilliseconds(20);

    public override string Description => "server memory while ingesting 1 GB of NDJSON";
    public override string Baseline => "resident size when idle";
    public override string Unit => "MB";
    public override double? Target => 150;
    public override int? Rounds => 1;

    public override Task PrepareAsync(CancellationToken ct) => environment.EmptyAsync(ct);

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        await Task.Delay(TimeSpan.FromSeconds(5), ct);
        return environment.ServerMegabytes;
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{environment.Port}"), Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", environment.Tenants[0].Key);
        using var body = new NdjsonContent();
        var sending = client.PostAsync("/v1/usage", body, ct);
        var peak = 0.0;
        while (!sending.IsCompleted)
        {
            peak = Math.Max(peak, environment.ServerMegabytes);
            await Task.WhenAny(sending, Task.Delay(SampleInterval, ct));
        }

        using var reply = await sending;
        using var counts = JsonDocument.Parse(await reply.EnsureSuccessStatusCode().Content.ReadAsStringAsync(ct));
        if (counts.RootElement.GetProperty("accepted").GetInt64() != body.Sent)
        {
            throw new InvalidDataException($"Sent {body.Sent} events: {counts.RootElement.GetRawText()}");
        }

        await AcceptedEvents.VerifyAsync(environment, body.Sent, ct);
        return peak;
    }

    sealed class NdjsonContent : HttpContent
    {
        public NdjsonContent() => Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");

        public long Sent { get; private set; }

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1_000).Select(number => EventBodies.Event(TimeProvider.System.GetUtcNow(), number) + "\n")));
            var offsets = EventBodies.FindIds(lines);
            for (var sent = 0L; sent < Bytes; sent += lines.Length)
            {
                EventBodies.ReplaceIds(lines, offsets);
                await stream.WriteAsync(lines);
                Sent += offsets.Length;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
