using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

public sealed class UsageJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        _tenant = await _server.CreateTenantAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task Twenty_concurrent_deliveries_of_one_event_are_counted_once()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _server.ReportAsync(_tenant, Deliveries.Event("e1", Now)).CountsAsync()));

        Assert.Equal((1, 19), (replies.Sum(r => r.Accepted), replies.Sum(r => r.Duplicates)));
        Assert.Equal(150, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact, Trait("Category", "Quick")]
    public async Task Overlapping_batches_in_any_order_neither_deadlock_nor_count_twice()
    {
        var events = Enumerable.Range(0, 300).Select(n => Deliveries.Event($"e{n}", Now, user: $"u{n % 7}", model: n % 2 == 0 ? "mistral:7b-instruct" : "gemini-pro")).ToArray();
        var random = new Random(7);
        var batches = Enumerable.Range(0, 24).Select(_ => random.GetItems(events, 200)).ToList();

        var replies = await Task.WhenAll(batches.Append(events).Select(batch => _server.ReportAsync(_tenant, batch).CountsAsync()));

        Assert.Equal(300, replies.Sum(r => r.Accepted));
        Assert.All(replies, r => Assert.Empty(r.Codes));
        Assert.Equal(300 * 150, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task The_same_id_with_different_content_is_a_conflict_and_the_first_report_counts()
    {
        await _server.ReportAsync(_tenant, Deliveries.Event("e1", Now));

        var reply = await _server.ReportAsync(_tenant, Deliveries.Event("e1", Now, prompt: 7)).CountsAsync();

        Assert.Equal((0, 0), (reply.Accepted, reply.Duplicates));
        Assert.Equal(["conflict"], reply.Codes);
        Assert.Equal(150, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Concurrent_events_with_one_id_in_different_months_are_counted_once()
    {
        for (var round = 0; round < 5; round++)
        {
            var id = $"twice-{round}";
            var replies = await Task.WhenAll(
                new[] { Now, Now.AddDays(-20) }.Select(at => _server.ReportAsync(_tenant, Deliveries.Event(id, at)).CountsAsync()));
            Assert.Equal(1, replies.Sum(r => r.Accepted));
            Assert.Equal("conflict", Assert.Single(replies.SelectMany(r => r.Codes)));
        }

        Assert.Equal(5 * 150, await _tenant.TokensAsync("2025-12-01", "2026-02-01"));
    }

    [Theory]
    [InlineData("1970-01-01T00:00:00Z", "too_old")]
    [InlineData("9999-12-31T00:00:00Z", "in_future")]
    public async Task An_event_with_an_impossible_time_does_not_block_the_first_event_of_a_month(string time, string code)
    {
        var impossible = Deliveries.Event("impossible", DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture));

        var reply = await _server.ReportAsync(_tenant, impossible, Deliveries.Event("first", Now.AddDays(-34))).CountsAsync();

        Assert.Equal((1, code), (reply.Accepted, Assert.Single(reply.Codes)));
    }

    [Fact]
    public async Task Concurrent_deliveries_of_many_tenants_each_get_the_outcome_of_their_own_events()
    {
        var others = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _server.CreateTenantAsync()));
        var sent = await Task.WhenAll(Enumerable.Range(0, 120).Select(async n => (
            N: n, Counts: await _server.ReportAsync(others[n % 5], Deliveries.Event($"e{n % 40}", Now), Deliveries.Event($"x{n}", Now, model: n % 3 == 0 ? "no-such-model" : "mistral:7b-instruct")).CountsAsync())));

        // e0 to e39 are reported three times each, 8 of them per tenant; every third x has an unknown model.
        Assert.Equal((40 + 80, 80), (sent.Sum(s => s.Counts.Accepted), sent.Sum(s => s.Counts.Duplicates)));
        Assert.All(sent, s => Assert.Equal(s.N % 3 == 0 ? ["unknown_model"] : [], s.Counts.Codes));
        foreach (var tenant in others)
        {
            Assert.Equal((8 + 16) * 150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
        }
    }

    [Fact]
    public async Task A_delivery_that_the_database_rejects_fails_alone_and_leaves_no_rows()
    {
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync(RefusePoison, default);
            await owner.ExecuteAsync("create trigger poison before insert on control.usage_counter for each row execute function control.refuse_poison()", default);
        }

        var other = await _server.CreateTenantAsync();
        var poisoned = Enumerable.Range(0, 5).Select(n => _server.ReportAsync(_tenant, Deliveries.Event($"p{n}", Now, user: "poison"))).ToList();
        var valid = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => _server.ReportAsync(other, Deliveries.Event($"e{n}", Now)).CountsAsync()));

        Assert.Equal(40, valid.Sum(s => s.Accepted));
        Assert.All(await Task.WhenAll(poisoned), reply => Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode));
        Assert.Equal(40, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
        Assert.Equal(40 * 150, await other.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Every_format_is_accepted_and_one_event_counts_once_across_formats()
    {
        var one = JsonSerializer.Serialize(Deliveries.Event("e1", Now));
        var cloudEvents = JsonSerializer.Serialize(new[] { new { specversion = "1.0", id = "ce", source = "gw", type = "llm.call", data = Deliveries.Event("e1", Now) } });
        var litellm = JsonSerializer.Serialize(new
        {
            id = "chatcmpl-1",
            status = "success",
            model = "ollama_chat/mistral:7b-instruct",
            model_group = "mistral:7b-instruct",
            prompt_tokens = 20,
            completion_tokens = 5,
            startTime = Now.ToUnixTimeMilliseconds() / 1000.0,
            endTime = Now.ToUnixTimeMilliseconds() / 1000.0,
            end_user = "u1",
        });

        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, one).CountsAsync()).Accepted);
        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, $"[{one}]").CountsAsync()).Duplicates);
        Assert.Equal(2, (await _server.PostSignedAsync(_tenant, $"{one}\n\n{one}\n", contentType: "application/x-ndjson").CountsAsync()).Duplicates);
        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, cloudEvents, contentType: "application/cloudevents-batch+json").CountsAsync()).Duplicates);
        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, litellm, "/v1/usage/litellm").CountsAsync()).Accepted);
        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, $"[{litellm}]", "/v1/usage/litellm").CountsAsync()).Duplicates);
        Assert.Equal(175, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Only_a_valid_signature_or_key_is_accepted()
    {
        var body = JsonSerializer.Serialize(Deliveries.Event("e1", Now));
        var other = await _server.CreateTenantAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.PostSignedAsync(_tenant, body, secret: other.WebhookSecret)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.PostSignedAsync(_tenant, body, signedAt: _server.Clock.Wall.AddMinutes(-6))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.PostSignedAsync(_tenant with { Id = Guid.Empty }, body)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.Anonymous.PostAsync("/v1/usage", Json(body))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.NewClient("cpt_wrong").PostAsync("/v1/usage", Json(body))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _tenant.Http.PostAsync("/v1/usage", Json(body))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _server.PostSignedAsync(_tenant, body, signedAt: Now)).StatusCode);
    }

    [Fact]
    public async Task An_unsupported_content_type_is_rejected_with_the_supported_types()
    {
        var reply = await _tenant.Http.PostAsync("/v1/usage", new StringContent("{}"));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, reply.StatusCode);
        Assert.Contains("application/json", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_rotated_and_the_previous_secret_are_both_valid()
    {
        var rotated = (await (await _tenant.Http.PostAsync("/v1/webhook-secret/rotate", null)).ReadAsync()).GetProperty("webhook_secret").GetString();

        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, JsonSerializer.Serialize(Deliveries.Event("e1", Now))).CountsAsync()).Accepted);
        Assert.Equal(1, (await _server.PostSignedAsync(_tenant, JsonSerializer.Serialize(Deliveries.Event("e2", Now)), secret: rotated).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_stream_sent_with_a_key_has_no_size_limit_but_a_signed_body_has_one()
    {
        const int Events = 130_000;
        var lines = new StringBuilder();
        for (var n = 0; n < Events; n++)
        {
            lines.Append(JsonSerializer.Serialize(Deliveries.Event($"e{n}", Now, user: $"u{n % 50}"))).Append(n % 10_000 == 0 ? "\n{broken\n" : "\n");
        }

        Assert.True(lines.Length > 16 * 1024 * 1024);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await _server.PostSignedAsync(_tenant, lines.ToString(), contentType: "application/x-ndjson")).StatusCode);

        var content = new StringContent(lines.ToString());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        var reply = await (await _tenant.Http.PostAsync("/v1/usage", content)).ReadAsync();

        Assert.Equal(Events, reply.GetProperty("accepted").GetInt64());
        Assert.Equal(13, reply.GetProperty("rejected").GetArrayLength());
        Assert.Equal(Events * 150L, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Usage_is_grouped_by_day_model_and_user_with_its_cost()
    {
        await _server.ReportAsync(
            _tenant, Deliveries.Event("a", Now, 1000, 500, "gemini-pro"), Deliveries.Event("b", Now, 2000, 0, "gemini-pro", "u2"), Deliveries.Event("c", Now.AddDays(-1)));

        var rows = (await (await _tenant.Http.GetAsync("/v1/usage?from=2026-01-14&to=2026-01-16&group_by=day,model,user")).ReadAsync()).GetProperty("items");
        Assert.Equal(3, rows.GetArrayLength());
        var last = rows[2];
        Assert.Equal(("2026-01-15", "gemini-pro", "u2", 2000L, 0.001m), (
            last.GetProperty("day").GetString(), last.GetProperty("model").GetString(), last.GetProperty("user").GetString(),
            last.GetProperty("total_tokens").GetInt64(), last.GetProperty("cost").GetDecimal()));

        var page = await (await _tenant.Http.GetAsync("/v1/usage?from=2026-01-14&to=2026-01-16&group_by=model&limit=1")).ReadAsync();
        Assert.Equal("gemini-pro", page.GetProperty("items")[0].GetProperty("model").GetString());
        Assert.Equal(0.00175m, page.GetProperty("items")[0].GetProperty("cost").GetDecimal());
        var next = await (await _tenant.Http.GetAsync($"/v1/usage?from=2026-01-14&to=2026-01-16&group_by=model&limit=1&cursor={page.GetProperty("next_cursor").GetString()}")).ReadAsync();
        Assert.Equal("mistral:7b-instruct", next.GetProperty("items")[0].GetProperty("model").GetString());
        Assert.False(next.TryGetProperty("next_cursor", out _));
    }

    static StringContent Json(string body) => new(body, new MediaTypeHeaderValue("application/json"));

    const string RefusePoison = """
        create function control.refuse_poison() returns trigger language plpgsql as $$
        begin
            if new.user_id = 'poison' then
                raise exception 'poison is refused' using errcode = 'not_null_violation';
            end if;
            return new;
        end $$
        """;
}
