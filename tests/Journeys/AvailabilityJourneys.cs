using System.Net;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>How long environments answered, and what customers get when it was less than promised.</summary>
public sealed class AvailabilityJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 3, 31, 20, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Check = TimeSpan.FromMinutes(10);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateReadyTenantAsync("enterprise");
        await _server.SqlAsync("update control.subscription set agreed_eur_per_month = 1000 where tenant_id = $1", _tenant.Id);
        await MeasureAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task The_time_between_two_checks_counts_as_the_first_one_found_it_and_a_gap_counts_for_nothing()
    {
        await PassAsync(Check);
        Assert.Equal((600, 0), await MeasuredAsync());
        await SetStateAsync("failed");
        await PassAsync(Check);
        Assert.Equal((1200, 0), await MeasuredAsync());
        await PassAsync(Check);
        Assert.Equal((1800, 600), await MeasuredAsync());
        await PassAsync(TimeSpan.FromHours(1));
        Assert.Equal((1800, 600), await MeasuredAsync());
        await SetStateAsync("updating");
        await PassAsync(Check);
        Assert.Equal((1800, 600), await MeasuredAsync());
    }

    [Fact]
    public async Task An_environment_is_down_while_no_route_of_its_plan_answers()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("delete from control.model_route_health", default);
        await owner.ExecuteAsync("insert into control.model_route_health select id, 'unreachable', null, now(), now() from control.model_route", default);
        await MeasureAsync();
        await PassAsync(Check);
        await PassAsync(Check);
        Assert.Equal(600, (await MeasuredAsync()).Down);
        await owner.ExecuteAsync("update control.model_route_health set state = 'ready'", default);
        await PassAsync(Check);
        var before = (await MeasuredAsync()).Down;
        await PassAsync(Check);
        Assert.Equal(before, (await MeasuredAsync()).Down);
    }

    [Fact]
    public async Task Eight_checks_at_once_count_once()
    {
        await _server.MoveClockAsync(_server.Clock.GetUtcNow() + Check);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => MeasureAsync()));
        Assert.Equal(600, (await MeasuredAsync()).Measured);
    }

    [Fact]
    public async Task A_credit_is_proposed_once_and_accepted_once()
    {
        await SetStateAsync("failed");
        await MeasureAsync();
        await PassAsync(Check);
        await PassAsync(Check);
        await SetStateAsync("ready");
        Assert.Empty(await ReviewsAsync());
        await _server.MoveClockAsync(new DateTimeOffset(2026, 4, 1, 2, 0, 0, TimeSpan.Zero));
        await _server.RunJobAsync("billing");

        var review = Assert.Single(await ReviewsAsync());
        Assert.Equal(("2026-03", "500.00"), (review.Member("subject"), review.Member("proposed_eur")));
        var accepts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _server.Operator.PostAsync($"/v1/admin/reviews/{review.Member("id")}/accept", content: null)));
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Conflict, HttpStatusCode.Conflict, HttpStatusCode.Conflict], accepts.Select(reply => reply.StatusCode).Order());
        Assert.Equal(500m, await _server.ReadAsync<decimal>("select sum(amount) from control.adjustment where tenant_id = $1 and kind = 'goodwill'", _tenant.Id));
        await _server.RunJobAsync("billing");
        Assert.Empty(await ReviewsAsync());
    }

    [Fact]
    public async Task What_was_dismissed_is_not_proposed_again_and_a_plan_that_promises_nothing_has_no_proposal()
    {
        var other = await _server.CreateReadyTenantAsync("basic");
        await SetStateAsync("failed");
        await _server.SqlAsync("update control.environment set state = 'failed' where tenant_id = $1", other.Id);
        await MeasureAsync();
        await PassAsync(Check);
        await PassAsync(Check);
        await _server.MoveClockAsync(new DateTimeOffset(2026, 4, 1, 2, 0, 0, TimeSpan.Zero));
        await _server.RunJobAsync("billing");
        var review = Assert.Single(await ReviewsAsync());
        Assert.Equal(_tenant.Id.ToString(), review.Member("tenant"));
        (await _server.Operator.PostAsync($"/v1/admin/reviews/{review.Member("id")}/resolve", content: null)).EnsureSuccessStatusCode();
        await _server.RunJobAsync("billing");
        Assert.Empty(await ReviewsAsync());
    }

    async Task<List<System.Text.Json.JsonElement>> ReviewsAsync() =>
        [.. (await (await _server.Operator.GetAsync("/v1/admin/reviews")).ReadAsync()).GetProperty("items").EnumerateArray().Where(review => review.Member("kind") == "availability")];

    Task SetStateAsync(string state) => _server.SqlAsync("update control.environment set state = $2 where tenant_id = $1", _tenant.Id, state);

    async Task PassAsync(TimeSpan time)
    {
        await _server.MoveClockAsync(_server.Clock.GetUtcNow() + time);
        await MeasureAsync();
    }

    async Task MeasureAsync() => await _server.Services.GetRequiredService<MeasureAvailability>().RunAsync(default);

    async Task<(long Measured, long Down)> MeasuredAsync() => (
        await _server.ReadAsync<long>("select measured_seconds from control.availability where tenant_id = $1", _tenant.Id),
        await _server.ReadAsync<long>("select down_seconds from control.availability where tenant_id = $1", _tenant.Id));
}
