using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using ControlPlane.Tests.Support.Fuzzing;
using Xunit.Abstractions;

namespace ControlPlane.Tests;

/// <summary>One round of requests in <c>./test</c>; with CONTROLPLANE_FUZZ_MINUTES=60 as many as fit into an hour.</summary>
public class FuzzJourneys(ITestOutputHelper output)
{
    /// <summary>Requests to each route by the callers it is meant for, and by each of the others, in one round.</summary>
    const int Intended = 40, Other = 4;

    /// <summary>Of the heap after a round, beyond the size after the first one. The database connections and caches of a process have a limit; a leak has none.</summary>
    const long MaximumGrowth = 200_000_000;

    [Fact]
    public async Task No_random_body_or_header_causes_a_server_error()
    {
        var seed = Seeds.Next();
        await using var server = await TestServer.StartAsync();
        var (tenant, victim) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        var routes = FuzzedRoute.All(server);
        var broken = new ConcurrentQueue<string>();
        var started = Stopwatch.GetTimestamp();
        var (sent, firstHeap, round) = (0L, 0L, 0);
        do
        {
            var (seedOfRound, now) = (unchecked(seed + (round * 7919)), server.Clock.GetUtcNow());
            await Parallel.ForEachAsync(routes.Index(), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (indexed, ct) =>
            {
                var (index, route) = indexed;
                using var client = NewClient();
                foreach (var (number, caller) in (await Caller.AllAsync(server, tenant)).Index())
                {
                    var requests = new FuzzedRequest(new Random(unchecked((seedOfRound * 397) + (index * 31) + number)), server, victim, now);
                    for (var i = 0; i < (caller.Name == route.IntendedCaller ? Intended : Other); i++)
                    {
                        using var request = requests.Next(route, caller);
                        using var reply = await client.SendAsync(request, ct);
                        Interlocked.Increment(ref sent);
                        if (await ResponseRules.ViolationAsync(reply) is { } reason)
                        {
                            broken.Enqueue($"{route} as {caller.Name}, round {round}, case {i}: {await ShowAsync(request)}\n    -> {Truncate(reason, 600)}");
                        }
                    }
                }
            });
            var heap = GC.GetTotalMemory(forceFullCollection: true);
            firstHeap = round == 0 ? heap : firstHeap;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Round {round}: {sent} requests in {Stopwatch.GetElapsedTime(started).TotalMinutes:0.0} minutes, {heap / 1_000_000} MB"));
            Assert.True(heap - firstHeap < MaximumGrowth, $"The heap grew from {firstHeap} to {heap} bytes in {round} rounds.");
            round++;
        }
        while (broken.IsEmpty && Stopwatch.GetElapsedTime(started) < Seeds.FuzzingTime);

        Assert.True(broken.IsEmpty, $"Seed {seed}, {broken.Count} broken responses:\n{string.Join('\n', broken.Take(40))}");
        await AssertStillWorksAsync(server);
    }

    [Fact]
    public async Task Every_operation_of_the_OpenAPI_document_is_fuzzed()
    {
        await using var server = await TestServer.StartAsync();
        var routes = FuzzedRoute.All(server).Select(route => $"{route.Method} {route.Path(name => $"{{{name}}}").TrimEnd('/')}").ToHashSet();
        var document = JsonNode.Parse(await server.Anonymous.GetStringAsync("/openapi/v1.json"))!;

        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key.TrimEnd('/')}")).ToList();

        Assert.NotEmpty(operations);
        Assert.Empty(operations.Except(routes));
    }

    static async Task AssertStillWorksAsync(TestServer server)
    {
        var tenant = await server.CreateTenantAsync();
        var one = new { id = "one", occurred_at = server.Clock.GetUtcNow(), user = "u", model = "gemini-pro", prompt_tokens = 7, completion_tokens = 3 };
        var reply = await (await tenant.Http.PostAsJsonAsync("/v1/usage", one)).ReadAsync();
        Assert.Equal(1, reply.GetProperty("accepted").GetInt32());
        var usage = await (await tenant.Http.GetAsync("/v1/usage?group_by=")).ReadAsync();
        Assert.Equal(10, usage.GetProperty("items")[0].GetProperty("total_tokens").GetInt64());
    }

    static HttpClient NewClient() =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1 }) { Timeout = TimeSpan.FromSeconds(20) };

    static async Task<string> ShowAsync(HttpRequestMessage request)
    {
        var body = request.Content is null ? "" : Encoding.Latin1.GetString(await request.Content.ReadAsByteArrayAsync());
        var headers = string.Join("; ", request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? []).Select(header => $"{header.Key}: {string.Join(',', header.Value)}"));
        return Truncate($"{request.Method} {request.RequestUri!.OriginalString} [{Truncate(headers, 500)}] {body}", 1_500);
    }

    static string Truncate(string text, int length) => text.Length <= length ? text : string.Create(CultureInfo.InvariantCulture, $"{text[..length]}… ({text.Length})");
}
