using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Kinds of tokens with prices of their own: they change what an event costs, and nothing else.</summary>
public sealed class TokenKindJourneys : IAsyncLifetime
{
    const string Model = "gpt-4-turbo";
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        _tenant = await _server.CreateTenantAsync();
        await PriceAsync("2000-01-02T00:00:00Z", prompt: 1, cached: 0.1m, write: 1.25m, completion: 4, reasoning: 5, audio: 10, image: 0.04m);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task Kinds_change_the_cost_but_not_the_count()
    {
        Assert.Equal(4, (await _server.ReportAsync(
            _tenant, Event("plain"), Event("cached", cached: 600, write: 400), Event("reasoned", reasoning: 500), Event("spoken", audio: 1500)).CountsAsync()).Accepted);

        Assert.Equal("cached 4.56, plain 5.00, reasoned 5.50, spoken 17.00", await CostsAsync());
        var row = (await (await _tenant.Http.GetAsync("/v1/usage?from=2026-01-15&to=2026-01-16&group_by=model")).ReadAsync()).GetProperty("items")[0];
        Assert.Equal((4000, 4000, 8000, 32.06m), (
            row.GetProperty("prompt_tokens").GetInt64(), row.GetProperty("completion_tokens").GetInt64(), row.GetProperty("total_tokens").GetInt64(), row.GetProperty("cost").GetDecimal()));
        Assert.Equal(8000, (await _tenant.LimitAsync()).Used);
    }

    [Fact]
    public async Task Kinds_are_content_and_absent_ones_are_zero()
    {
        await _server.ReportAsync(_tenant, Event("kinds", cached: 600), Deliveries.Event("none", Now));

        var reply = await _server.ReportAsync(
            _tenant, Event("kinds", cached: 600), Event("kinds", cached: 601), Event("kinds"), Event("none", 100, 50, model: "mistral:7b-instruct", reasoning: 0),
            Event("none", 100, 50, model: "mistral:7b-instruct", reasoning: 1)).CountsAsync();

        Assert.Equal((0, 2), (reply.Accepted, reply.Duplicates));
        Assert.Equal(["conflict", "conflict", "conflict"], reply.Codes);
        Assert.Equal(2150, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Parts_that_are_larger_than_their_total_are_held_with_the_reason()
    {
        var reply = await _server.ReportAsync(
            _tenant, Event("a", cached: 600, write: 401), Event("b", reasoning: 1001), Event("c", audio: 2001), Event("d", cached: -1), Event("e", cached: 1L << 53)).CountsAsync();

        Assert.Equal((0, 5), (reply.Accepted, reply.Codes.Count(code => code == "malformed")));
        var held = (await (await _server.Operator.GetAsync("/v1/admin/quarantine")).ReadAsync()).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(5, held.Count);
        Assert.Contains(held, item => item.GetProperty("detail").GetString() == "reasoning_tokens is a part of completion_tokens: it must be at most 1000");
    }

    [Fact]
    public async Task A_new_price_of_a_kind_changes_no_earlier_event()
    {
        await _server.ReportAsync(_tenant, Event("before", cached: 1000), Event("picture-before", 0, 0, feature: "image", quantity: 2));
        await PriceAsync("2026-01-15T12:01:00Z", prompt: 1, cached: 0.5m, write: null, completion: 4, reasoning: null, audio: null, image: 0.08m);

        await _server.ReportAsync(
            _tenant, Event("late", cached: 1000), Event("after", at: Now.AddMinutes(2), cached: 500, write: 500, reasoning: 1000, audio: 1000),
            Event("picture-after", 0, 0, at: Now.AddMinutes(2), feature: "image", quantity: 2), Event("search", 0, 0, feature: "web_search", quantity: 2));

        Assert.Equal("after 4.75, before 4.10, late 4.10, picture-after 0.16, picture-before 0.08, search 0.00", await CostsAsync());
    }

    [Fact]
    public async Task A_payload_of_LiteLLM_is_counted_in_full_and_priced_by_its_usage_details()
    {
        Assert.Equal((3, 0), await SendAsync(
            Payload("details", 1000, 1000, 2000, new { prompt_tokens_details = new { cached_tokens = 600 }, completion_tokens_details = new { reasoning_tokens = 500 } }),
            Payload("more", 20, 5, 90, null), Payload("beside", 20, 5, 25, new { completion_tokens_details = new { reasoning_tokens = 60 } })));

        Assert.Equal("beside 0.34, details 4.96, more 0.30", await CostsAsync());
        Assert.Equal(2175, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
        // On which side more audio than tokens was cannot be told.
        Assert.Equal((0, 1), await SendAsync(Payload("unclear", 20, 5, 25, new { prompt_tokens_details = new { audio_tokens = 65 } })));
    }

    [Fact]
    public async Task What_no_provider_bills_costs_nothing_and_an_answer_from_the_gateways_cache_counts()
    {
        Assert.Equal((3, 0), await SendAsync(
            Payload("broken-off", 1000, 500, 1500, null, "failure"), Payload("failed", 1000, 0, 1000, null, "failure"), Payload("hit", 1000, 1000, 2000, null, cacheHit: true)));
        Assert.Equal(1, (await _server.ReportAsync(_tenant, Event("hit-of-hook", cached: 600, cacheHit: true)).CountsAsync()).Accepted);

        Assert.Equal("broken-off 3.00, failed 0.00, hit 0.00, hit-of-hook 0.00", await CostsAsync());
        Assert.Equal(5500, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
        Assert.Equal("hit, hit-of-hook", await _server.ReadAsync<string>("select string_agg(id, ', ' order by id) from control.usage_event where cache_hit"));
        Assert.Equal(1, (await _server.ReportAsync(_tenant, Event("hit-of-hook", cached: 600, cacheHit: true)).CountsAsync()).Duplicates);
        Assert.Equal(["conflict"], (await _server.ReportAsync(_tenant, Event("hit-of-hook", cached: 600)).CountsAsync()).Codes);
    }

    [Fact]
    public async Task The_sums_of_random_events_are_those_of_their_exact_costs()
    {
        var seed = Seeds.Next();
        var random = new Random(seed);
        var price = new ModelPrice(Model, Now.AddYears(-1), Price(), Price())
        {
            CachedPromptEurPerThousand = Price(),
            CacheWriteEurPerThousand = Price(),
            ReasoningEurPerThousand = Price(),
            AudioEurPerThousand = Price(),
            EurPerImage = Price(),
        };
        await PriceAsync(
            "2025-01-15T00:00:00Z", price.PromptEurPerThousand, price.CachedPromptEurPerThousand, price.CacheWriteEurPerThousand, price.CompletionEurPerThousand,
            price.ReasoningEurPerThousand, price.AudioEurPerThousand, price.EurPerImage);
        var events = Enumerable.Range(0, 200).Select(n =>
        {
            var (prompt, completion) = (random.NextInt64(1_000_000), random.NextInt64(1_000_000));
            var cached = random.NextInt64(prompt + 1);
            return Event(
                $"e{n}", prompt, completion, Now.AddHours(-random.Next(100)), cached, random.NextInt64(prompt - cached + 1), random.NextInt64(completion + 1),
                random.NextInt64(prompt + completion + 1), random.Next(4) == 0 ? "image" : null, random.Next(9));
        }).ToArray();

        Assert.Equal(200, (await _server.ReportAsync(_tenant, events).CountsAsync()).Accepted);
        Assert.Equal(200, (await _server.ReportAsync(_tenant, events).CountsAsync()).Duplicates);
        var run = await _server.RunJobAsync("nightly");

        var exact = events.Sum(sent => price.CostOf(ReadUsage.Parse(UsageFormat.Event, JsonSerializer.Serialize(sent)).Event!));
        Assert.False(run.TryGetProperty("alerts", out var alerts) && alerts.GetArrayLength() > 0, $"Seed {seed}: {alerts}");
        foreach (var table in new[] { "usage_event", "usage_counter", "daily_usage" })
        {
            Assert.True(exact == await _server.ReadAsync<decimal>($"select sum(cost) from control.{table}"), $"Seed {seed}, {table}");
        }

        decimal Price() => random.Next(20_000_000) / 1_000_000m;
    }

    [Fact]
    public async Task An_event_that_a_former_release_counted_is_a_duplicate_without_kinds_and_a_conflict_with_them()
    {
        await _server.ReportAsync(_tenant, Event("creates the partition"));
        await _server.SqlAsync(InsertFormer, _tenant.Id, Now);

        Assert.Equal((0, 1), await OutcomeAsync(Event("former")));
        Assert.Equal((0, 1), await OutcomeAsync(Event("former", reasoning: 0)));
        Assert.Equal((1, 0), await OutcomeAsync(Event("former", reasoning: 1)));

        async Task<(int, long)> OutcomeAsync(object usage)
        {
            var reply = await _server.ReportAsync(_tenant, usage).CountsAsync();
            return (reply.Codes.Count(code => code == "conflict"), reply.Duplicates);
        }
    }

    [Fact]
    public async Task Months_of_former_releases_keep_their_events_and_refuse_kinds_larger_than_their_totals()
    {
        await using var database = await MigratedDatabase.NewAsync();
        await database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0032_token_kinds")], []);
        await database.ExecuteAsync("select control.ensure_usage_partition('2026-01-01')");
        await database.ExecuteAsync(InsertFormer, _tenant.Id, Now);

        await database.MigrateAsync();

        Assert.Equal(["former 2000 none"], await database.ReadAsync(
            "select concat_ws(' ', id, prompt_tokens + completion_tokens, coalesce(reasoning_tokens::text, 'none')) from control.usage_event"));
        await database.ExecuteAsync("select control.ensure_usage_partition('2026-02-01')");
        foreach (var (id, at) in new[] { ("same month", Now), ("new month", Now.AddMonths(1)) })
        {
            await database.ExecuteAsync(InsertKinds, _tenant.Id, at, $"{id}, part", 1000);
            var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync(InsertKinds, _tenant.Id, at, $"{id}, more", 1001));
            Assert.Equal((PostgresErrorCodes.CheckViolation, "usage_event_kinds_check"), (refused.SqlState, refused.ConstraintName));
        }
    }

    // As releases without kinds write it.
    const string InsertFormer = """
        insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, model, prompt_tokens, completion_tokens, cost, period)
        values ($1, 'former', $2, $2, 'u1', 'gpt-4-turbo', 1000, 1000, 5, 1)
        """;

    const string InsertKinds = """
        insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, model, prompt_tokens, completion_tokens, cost, period, reasoning_tokens)
        values ($1, $3, $2, $2, 'u1', 'gpt-4-turbo', 1000, 1000, 5, 1, $4)
        """;

    async Task<(long Accepted, int Rejected)> SendAsync(params object[] payloads)
    {
        var reply = await _server.PostSignedAsync(_tenant, JsonSerializer.Serialize(payloads), "/v1/usage/litellm").CountsAsync();
        return (reply.Accepted, reply.Codes.Length);
    }

    async Task<string?> CostsAsync() =>
        await _server.ReadAsync<string>("select string_agg(id || ' ' || round(cost, 2), ', ' order by id) from control.usage_event where cost = round(cost, 2)");

    async Task PriceAsync(string from, decimal prompt, decimal? cached, decimal? write, decimal completion, decimal? reasoning, decimal? audio, decimal? image)
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(
            """
            insert into control.model_price (model, effective_from, prompt_eur_per_1000, cached_prompt_eur_per_1000, cache_write_eur_per_1000, completion_eur_per_1000,
                                             reasoning_eur_per_1000, audio_eur_per_1000, eur_per_image)
            values ($1, $2, $3, $4::numeric, $5::numeric, $6, $7::numeric, $8::numeric, $9::numeric)
            """, default, Model, DateTimeOffset.Parse(from, CultureInfo.InvariantCulture), prompt, cached, write, completion, reasoning, audio, image);
    }

    static object Event(
        string id, long prompt = 1000, long completion = 1000, DateTimeOffset? at = null, long? cached = null, long? write = null, long? reasoning = null, long? audio = null,
        string? feature = null, long? quantity = null, string model = Model, bool? cacheHit = null) => new
        {
            id,
            occurred_at = at ?? Now,
            user = "u1",
            model,
            prompt_tokens = prompt,
            completion_tokens = completion,
            cached_prompt_tokens = cached,
            cache_write_tokens = write,
            reasoning_tokens = reasoning,
            audio_tokens = audio,
            cache_hit = cacheHit,
            feature,
            quantity,
        };

    static object Payload(string id, long prompt, long completion, long total, object? usage, string status = "success", bool? cacheHit = null) => new
    {
        id,
        status,
        model = Model,
        prompt_tokens = prompt,
        completion_tokens = completion,
        total_tokens = total,
        endTime = Now.ToUnixTimeSeconds(),
        cache_hit = cacheHit,
        response_cost = 0,
        metadata = new { usage_object = usage },
    };
}
