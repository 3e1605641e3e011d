using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>The application behind the function, over HTTP and with a real PostgreSQL.</summary>
[Trait("Category", "Slow")]
public sealed class HttpFunctionTests
{
    [Fact]
    public async Task Portal_and_API_are_served()
    {
        await using var worker = await WorkerStandIn.StartAsync();

        Assert.Equal("up", (await worker.Anonymous.GetFromJsonAsync<JsonElement>("/healthz")).GetProperty("status").GetString());
        Assert.Equal("ready", (await worker.Anonymous.GetFromJsonAsync<JsonElement>("/readyz")).GetProperty("status").GetString());

        var missing = await worker.Anonymous.GetAsync("/v1/nothing");
        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (missing.StatusCode, missing.Content.Headers.ContentType!.MediaType));

        var home = await worker.Anonymous.GetAsync("/");
        Assert.Equal((HttpStatusCode.OK, "text/html"), (home.StatusCode, home.Content.Headers.ContentType!.MediaType));
        Assert.Equal("nosniff", Assert.Single(home.Headers.GetValues("X-Content-Type-Options")));

        var notAllowed = await worker.Anonymous.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/signup"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, notAllowed.StatusCode);
    }

    [Fact]
    public async Task Bodies_are_limited_and_keys_are_checked_before_them()
    {
        await using var worker = await WorkerStandIn.StartAsync();
        using var tenant = await CreateTenantAsync(worker);
        var large = new string('x', 65 * 1024);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await worker.Anonymous.PostAsync("/login", new StringContent($"email={large}", new MediaTypeHeaderValue("application/x-www-form-urlencoded")))).StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await worker.Anonymous.PostAsJsonAsync("/v1/signup", new { email = large })).StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await tenant.PostAsJsonAsync("/v1/authorize", new { user = large })).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await worker.Anonymous.PostAsJsonAsync("/v1/authorize", new { user = large })).StatusCode);
    }

    [Fact]
    public async Task A_tenant_reports_usage_and_reads_it_back()
    {
        await using var worker = await WorkerStandIn.StartAsync();
        using var tenant = await CreateTenantAsync(worker);

        Assert.Equal(1, await ReportAsync(tenant, "accepted", Event(1)));
        Assert.Equal(3, await TokensAsync(tenant));
    }

    [Fact]
    public async Task A_stream_is_ingested_as_it_arrives_and_keeps_its_committed_part_after_a_timeout()
    {
        await using var worker = await WorkerStandIn.StartAsync();
        using var tenant = await CreateTenantAsync(worker);
        var lines = new EndlessLines();
        var sending = tenant.PostAsync("/v1/usage", lines);
        try
        {
            await lines.WriteAsync(Enumerable.Range(1, 1_000).Select(Event));
            while (await TokensAsync(tenant) < 3_000)
            {
                await Task.Delay(20);
            }

            await lines.WriteAsync([Event(1_001)]);
            await worker.TimeOutInvocationsAsync();
        }
        finally
        {
            lines.End();
        }

        await Assert.ThrowsAnyAsync<HttpRequestException>(async () => (await sending).EnsureSuccessStatusCode());
        Assert.Equal(3_000, await TokensInDatabaseAsync(worker));
    }

    [Fact]
    public async Task Client_address_and_HTTPS_are_taken_only_from_the_platforms_front_end()
    {
        await using var worker = await WorkerStandIn.StartAsync([new("CONTROLPLANE_LIMIT_LOOKUPS", "1")]);

        var first = await LookUpAsync(worker, "192.0.2.1, 198.51.100.7:4711");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.NotEmpty(first.Headers.GetValues("Strict-Transport-Security"));
        // An entry that the client forged before the front end's is ignored.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await LookUpAsync(worker, "192.0.2.2, 198.51.100.7:4712")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await LookUpAsync(worker, "198.51.100.8:4711")).StatusCode);
    }

    [Fact]
    public async Task Behind_Front_Door_its_client_address_is_used_and_other_requests_are_refused()
    {
        await using var worker = await WorkerStandIn.StartAsync([new("CONTROLPLANE_LIMIT_LOOKUPS", "1"), new("CONTROLPLANE_FRONT_DOOR", "profile")]);
        const string Edge = "203.0.113.1:443";

        Assert.Equal(HttpStatusCode.OK, (await LookUpAsync(worker, $"192.0.2.1, 198.51.100.7, {Edge}", "profile")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await LookUpAsync(worker, $"192.0.2.2, 198.51.100.7, {Edge}", "profile")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await LookUpAsync(worker, $"198.51.100.8, {Edge}", "profile")).StatusCode);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await LookUpAsync(worker, "198.51.100.9, 203.0.113.2:443", "other")).StatusCode);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await worker.Anonymous.GetAsync("/healthz")).StatusCode);
    }

    [Fact]
    public async Task No_public_route_reaches_a_job_without_the_operators_key()
    {
        await using var worker = await WorkerStandIn.StartAsync();
        using var tenant = await CreateTenantAsync(worker);
        foreach (var job in JobSchedules.All.Select(job => job.Name))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await worker.Anonymous.PostAsync($"/v1/admin/jobs/{job}/run", content: null)).StatusCode);
            Assert.Equal(HttpStatusCode.Forbidden, (await tenant.PostAsync($"/v1/admin/jobs/{job}/run", content: null)).StatusCode);
            var page = await worker.Anonymous.PostAsync($"/admin/jobs/{job}/run", content: null);
            Assert.Equal((HttpStatusCode.Redirect, "/admin/login"), (page.StatusCode, page.Headers.Location!.OriginalString.Split('?')[0]));
            // The platform's paths of functions are no routes of the application.
            Assert.Equal(HttpStatusCode.NotFound, (await worker.Anonymous.PostAsync($"/api/{job}", content: null)).StatusCode);
        }

        Assert.Equal(0, await worker.CountAsync("select count(*) from control.job_run"));
        Assert.Equal(HttpStatusCode.OK, (await worker.Operator.PostAsync("/v1/admin/jobs/nightly/run", content: null)).StatusCode);
    }

    [Fact]
    public async Task A_request_is_measured_once_with_the_applications_route()
    {
        var measured = new ConcurrentBag<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "http.server.request.duration")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => measured.Add(string.Join(' ', tags.ToArray().Where(tag => tag.Key == "http.route").Select(tag => tag.Value))));
        listener.Start();

        await using (var worker = await WorkerStandIn.StartAsync())
        {
            await worker.Anonymous.GetAsync("/assets/icon.svg");
        }

        Assert.Equal(["/assets/icon.svg"], measured.Where(route => route == "/assets/icon.svg"));
        Assert.DoesNotContain("/{*path}", measured);
    }

    [Fact]
    public async Task A_failed_job_fails_its_function()
    {
        await using var worker = await WorkerStandIn.StartAsync();
        await worker.Application.RunJobAsync("nightly", CancellationToken.None);
        Assert.Equal(1, await worker.CountAsync("select count(*) from control.job_run where job = 'nightly' and outcome = 'succeeded'"));

        await worker.ExecuteAsync("drop table control.daily_usage cascade");
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => worker.Application.RunJobAsync("nightly", CancellationToken.None));
        Assert.Contains("daily_usage", failure.Message, StringComparison.Ordinal);
    }

    static async Task<HttpResponseMessage> LookUpAsync(WorkerStandIn worker, string forwardedFor, string? frontDoor = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/signup/slug/free");
        request.Headers.Add("X-Forwarded-For", forwardedFor);
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Azure-FDID", frontDoor is null ? [] : [frontDoor]);
        return await worker.Anonymous.SendAsync(request);
    }

    internal static async Task<HttpClient> CreateTenantAsync(WorkerStandIn worker)
    {
        var slug = Names.Random("t");
        var response = await worker.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "Ada", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
        return worker.NewClient((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("api_key").GetString());
    }

    /// <param name="count">Name of the count in the response.</param>
    internal static async Task<int> ReportAsync(HttpClient tenant, string count, object usage)
    {
        var response = await tenant.PostAsJsonAsync("/v1/usage", usage);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty(count).GetInt32();
    }

    internal static object Event(int number) => new
    {
        id = $"call-{number}",
        occurred_at = TimeProvider.System.GetUtcNow(),
        user = "ada",
        model = "mistral:7b-instruct",
        prompt_tokens = 1,
        completion_tokens = 2,
    };

    static async Task<long> TokensAsync(HttpClient tenant)
    {
        var usage = await tenant.GetFromJsonAsync<JsonElement>("/v1/usage?from=2020-01-01&group_by=model");
        return usage.GetProperty("items").EnumerateArray().Sum(row => row.GetProperty("total_tokens").GetInt64());
    }

    static Task<long> TokensInDatabaseAsync(WorkerStandIn worker) =>
        worker.CountAsync("select sum(prompt_tokens + completion_tokens)::bigint from control.usage_event");

    /// <summary>NDJSON that is sent as it is written, until <see cref="End"/>.</summary>
    sealed class EndlessLines : HttpContent
    {
        readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndlessLines() => Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");

        public async Task WriteAsync(IEnumerable<object> events)
        {
            var body = await _opened.Task;
            await body.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(events.Select(one => JsonSerializer.Serialize(one) + "\n"))));
            await body.FlushAsync();
        }

        public void End() => _ended.TrySetResult();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _opened.SetResult(stream);
            return _ended.Task;
        }

        protected override bool TryComputeLength(out long length) => (length = 0) != 0;
    }
}
