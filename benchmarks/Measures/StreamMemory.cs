using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Whether a body of a gigabyte stays a stream.</summary>
sealed class StreamMemory(World world) : Measure
{
    const long Bytes = 1_000_000_000;
    static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(20);

    public override string What => "server memory while ingesting 1 GB of NDJSON";
    public override string Baseline => "resident size when idle";
    public override string Unit => "MB";
    public override double? Target => 150;
    public override int? Rounds => 1;

    public override Task PrepareAsync(CancellationToken ct) => world.EmptyAsync(ct);

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        await Task.Delay(TimeSpan.FromSeconds(5), ct);
        return world.ServerMegabytes;
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{world.Port}"), Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", world.Tenants[0].Key);
        using var body = new Lines();
        var sending = client.PostAsync("/v1/usage", body, ct);
        var most = 0.0;
        while (!sending.IsCompleted)
        {
            most = Math.Max(most, world.ServerMegabytes);
            await Task.WhenAny(sending, Task.Delay(s_glance, ct));
        }

        using var reply = await sending;
        using var counts = JsonDocument.Parse(await reply.EnsureSuccessStatusCode().Content.ReadAsStringAsync(ct));
        if (counts.RootElement.GetProperty("accepted").GetInt64() != body.Sent)
        {
            throw new InvalidDataException($"Sent {body.Sent} events: {counts.RootElement.GetRawText()}");
        }

        await Accepted.VerifyAsync(world, body.Sent, ct);
        return most;
    }

    sealed class Lines : HttpContent
    {
        public Lines() => Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");

        public long Sent { get; private set; }

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1_000).Select(number => EventBodies.Event(TimeProvider.System.GetUtcNow(), number) + "\n")));
            var places = EventBodies.Places(lines);
            for (var sent = 0L; sent < Bytes; sent += lines.Length)
            {
                EventBodies.Renew(lines, places);
                await stream.WriteAsync(lines);
                Sent += places.Length;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
