using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using ControlPlane.Tests.Support.Fuzzing;

namespace ControlPlane.Tests;

[Trait("Category", "Slow")]
public class FuzzJourneys
{
    /// <summary>Requests to each route by the callers it is meant for, and by each of the others.</summary>
    const int Intended = 40, Other = 4;

    [Fact]
    public async Task No_random_body_or_header_causes_a_server_error()
    {
        var seed = Seeds.Next();
        await using var server = await TestServer.StartAsync();
        var (tenant, victim) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        var now = server.Clock.GetUtcNow();
        var routes = FuzzedRoute.All(server);
        Assert.NotEmpty(routes);
        var broken = new ConcurrentQueue<string>();

        await Parallel.ForEachAsync(routes.Index(), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (indexed, ct) =>
        {
            var (index, route) = indexed;
            using var client = NewClient();
            foreach (var (number, caller) in (await Caller.AllAsync(server, tenant)).Index())
            {
                var requests = new FuzzedRequest(new Random(unchecked((seed * 397) + (index * 31) + number)), server, victim, now);
                for (var i = 0; i < (caller.Name == route.IntendedCaller ? Intended : Other); i++)
                {
                    using var request = requests.Next(route, caller);
                    using var reply = await client.SendAsync(request, ct);
                    if (await ResponseRules.ViolationAsync(reply) is { } reason)
                    {
                        broken.Enqueue($"{route} as {caller.Name}, case {i}: {await ShowAsync(request)}\n    -> {Truncate(reason, 600)}");
                    }
                }
            }
        });

        Assert.True(broken.IsEmpty, $"Seed {seed}, {broken.Count} broken responses:\n{string.Join('\n', broken.Take(40))}");
        await AssertStillWorksAsync(server);
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
