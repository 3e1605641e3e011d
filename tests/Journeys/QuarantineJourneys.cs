using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Events that cannot be counted are held, listed for operators, and counted when an operator replays them.</summary>
public sealed class QuarantineJourneys : IAsyncLifetime
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

    [Fact]
    public async Task A_payload_sent_to_the_wrong_endpoint_first_is_held_again_in_its_own_format()
    {
        var payload = JsonSerializer.Serialize(new { id = "l1", model = "no-such-model", prompt_tokens = 1, completion_tokens = 2, endTime = Now.ToUnixTimeSeconds() });

        Assert.Equal(["malformed"], (await _tenant.PostAsync(payload).CountsAsync()).Codes);
        Assert.Equal(["unknown_model"], (await _tenant.PostAsync(payload, path: "/v1/usage/litellm").CountsAsync()).Codes);

        var held = await (await _server.Operator.GetAsync("/v1/admin/quarantine?code=unknown_model")).ReadAsync();
        Assert.Equal("litellm", Assert.Single(held.GetProperty("items").EnumerateArray()).GetProperty("form").GetString());
    }

    [Fact]
    public async Task A_list_has_the_beginning_of_long_texts_and_one_event_all_of_it()
    {
        var text = $"{{\"id\":\"long\",\"note\":\"{new string('x', 100_000)}\"}}";
        Assert.Equal(["malformed"], (await _tenant.PostAsync(text).CountsAsync()).Codes);

        var listed = Assert.Single((await (await _server.Operator.GetAsync("/v1/admin/quarantine")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal((text[..4000], text.Length), (listed.GetProperty("raw").GetString(), listed.GetProperty("raw_length").GetInt32()));
        var whole = await (await _server.Operator.GetAsync($"/v1/admin/quarantine/{listed.GetProperty("id").GetGuid()}")).ReadAsync();
        Assert.Equal(text, whole.GetProperty("raw").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.GetAsync($"/v1/admin/quarantine/{Guid.Empty}")).StatusCode);
    }

    [Fact, Trait("Category", "Quick")]
    public async Task An_event_that_cannot_be_counted_is_held_and_can_be_replayed_after_its_cause_is_fixed()
    {
        var reply = await _server.ReportAsync(
            _tenant, Deliveries.Event("good", Now), new { id = "bad" }, Deliveries.Event("new-model", Now, model: "brand-new"),
            Deliveries.Event("future", Now.AddMinutes(6)), Deliveries.Event("old", Now.AddDays(-36))).CountsAsync();
        Assert.Equal(1, reply.Accepted);
        Assert.Equal(["malformed", "unknown_model", "in_future", "too_old"], reply.Codes);

        var held = (await (await _server.Operator.GetAsync("/v1/admin/quarantine")).ReadAsync()).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(4, held.Count);
        Assert.Contains(held, h => h.GetProperty("raw").GetString() == """{"id":"bad"}""");
        var unknown = IdOf("unknown_model");
        Assert.Equal(HttpStatusCode.Conflict, (await ReplayAsync(unknown)).StatusCode);

        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync("insert into control.model values ('brand-new', 'openai', false, 'openai/brand-new')", default);
            await owner.ExecuteAsync("insert into control.model_price values ('brand-new', '2000-01-01Z', 1, 1)", default);
        }

        Assert.Equal(HttpStatusCode.OK, (await ReplayAsync(unknown)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await ReplayAsync(unknown)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await ReplayAsync(IdOf("too_old"))).StatusCode);
        Assert.Equal(300, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
        Assert.Equal(150, await _tenant.TokensAsync("2025-12-01", "2025-12-31"));
        // A redelivery of a replayed event is a duplicate.
        Assert.Equal(1, (await _server.ReportAsync(_tenant, Deliveries.Event("new-model", Now, model: "brand-new")).CountsAsync()).Duplicates);

        string IdOf(string code) => held.Single(h => h.GetProperty("code").GetString() == code).GetProperty("id").GetString()!;
        Task<HttpResponseMessage> ReplayAsync(string id) => _server.Operator.PostAsync($"/v1/admin/quarantine/{id}/replay", null);
    }

    [Fact]
    public async Task Of_old_events_with_one_id_only_one_can_be_replayed_however_far_apart_they_are()
    {
        await _server.ReportAsync(_tenant, Deliveries.Event("twice", Now.AddDays(-150))).CountsAsync();
        await _server.ReportAsync(_tenant, Deliveries.Event("twice", Now.AddDays(-70))).CountsAsync();
        var held = (await (await _server.Operator.GetAsync("/v1/admin/quarantine?code=too_old")).ReadAsync()).GetProperty("items").EnumerateArray()
            .OrderBy(h => h.GetProperty("raw").GetString(), StringComparer.Ordinal).Select(h => h.GetProperty("id").GetString()).ToList();
        Assert.Equal(2, held.Count);

        Assert.Equal(HttpStatusCode.OK, (await _server.Operator.PostAsync($"/v1/admin/quarantine/{held[0]}/replay", null)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await _server.Operator.PostAsync($"/v1/admin/quarantine/{held[1]}/replay", null)).StatusCode);
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_is_rejected_and_held()
    {
        var reply = await _server.PostSignedAsync(_tenant, "{\"id\": \"e1\", ");

        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Equal("application/problem+json", reply.Content.Headers.ContentType!.MediaType);
        var held = await (await _server.Operator.GetAsync("/v1/admin/quarantine?code=malformed")).ReadAsync();
        Assert.Equal("{\"id\": \"e1\", ", held.GetProperty("items")[0].GetProperty("raw").GetString());
    }
}
