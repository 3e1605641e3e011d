using System.Globalization;
using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What operators see of revenue and provider cost.</summary>
public sealed class MarginJourneys : IAsyncLifetime
{
    static readonly string[] Amounts = ["revenue", "cost", "margin"];
    static readonly DateTimeOffset Start = new(2026, 1, 31, 9, 30, 0, TimeSpan.Zero);
    static readonly DateTimeOffset FirstEnd = new(2026, 2, 28, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Start);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Revenue_without_tax_less_provider_cost_per_tenant_and_model()
    {
        var (busy, idle, trial) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync(), await _server.CreateTenantAsync("trial"));
        await _server.ReportAsync(
            busy, Deliveries.Event("a", Start, 1_000_000, 0, "gemini-pro"), Deliveries.Event("b", Start.AddDays(-1), 0, 500_000, "gpt-4-turbo"), Deliveries.Event("c", Start, 0, 0));
        await _server.ReportAsync(trial, Deliveries.Event("a", Start, 1000, 0, "gemini-pro"));
        Assert.Empty(await MarginsAsync("2026-02"));

        await _server.JumpAsync(FirstEnd.AddHours(1), "billing");
        await _server.ReportAsync(busy, Deliveries.Event("next", FirstEnd, 1000, 0, "gemini-pro"));

        var margins = (await MarginsAsync("2026-02")).ToDictionary(margin => margin.GetProperty("tenant_id").GetGuid());
        Assert.Equal(3, margins.Count);
        // 9.90 and 5.00 of overage, of which gemini-pro has two thirds; it costs 0.0005 and gpt-4-turbo 0.01 per 1,000 tokens.
        Assert.Equal(
            ["gemini-pro 9.93 0.5 9.43", "gpt-4-turbo 4.97 5 -0.03", "mistral:7b-instruct 0 0 0", " 14.9 5.5 9.4"],
            margins[busy.Id].GetProperty("models").EnumerateArray().Append(margins[busy.Id]).Select(Text));
        Assert.Equal(("2026-01-31", "2026-02-28", busy.Slug), (
            margins[busy.Id].GetProperty("period_start").GetString(), margins[busy.Id].GetProperty("period_end").GetString(), margins[busy.Id].GetProperty("slug").GetString()));
        Assert.Equal((" 9.9 0 9.9", 0), (Text(margins[idle.Id]), margins[idle.Id].GetProperty("models").GetArrayLength()));
        Assert.Equal((" 0 0.0005 -0.0005", false), (Text(margins[trial.Id]), margins[trial.Id].TryGetProperty("invoice", out _)));
    }

    [Fact]
    public async Task A_month_is_read_page_by_page_and_is_the_previous_one_by_default()
    {
        for (var n = 0; n < 3; n++)
        {
            await _server.CreateTenantAsync();
        }

        await _server.JumpAsync(FirstEnd.AddDays(3), "billing");
        var (tenants, cursor) = (new List<Guid>(), "");
        do
        {
            var page = await (await _server.Operator.GetAsync($"/v1/admin/margin?limit=2{cursor}")).ReadAsync();
            tenants.AddRange(page.GetProperty("items").EnumerateArray().Select(margin => margin.GetProperty("tenant_id").GetGuid()));
            cursor = page.TryGetProperty("next_cursor", out var next) ? $"&cursor={next.GetString()}" : "";
        }
        while (cursor.Length > 0);

        Assert.Equal(3, tenants.Distinct().Count());
        Assert.Equal(tenants.Order(), tenants);
        Assert.Empty(await MarginsAsync("2026-01"));
        Assert.Empty(await MarginsAsync("2026-03"));
    }

    [Theory]
    [InlineData("2026")]
    [InlineData("2026-13")]
    [InlineData("2026-01-01")]
    [InlineData("9999-12")]
    public async Task A_text_that_is_no_month_is_refused_with_what_to_send(string month)
    {
        var reply = await _server.Operator.GetAsync($"/v1/admin/margin?month={month}");
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains("such as 2026-01", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_operators_see_margins()
    {
        var tenant = await _server.CreateTenantAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.Anonymous.GetAsync("/v1/admin/margin")).StatusCode);
        Assert.True((await tenant.Http.GetAsync("/v1/admin/margin")).StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden);
    }

    async Task<List<JsonElement>> MarginsAsync(string month) =>
        [.. (await (await _server.Operator.GetAsync($"/v1/admin/margin?month={month}")).ReadAsync()).GetProperty("items").EnumerateArray()];

    /// <summary>Model, revenue, cost and margin.</summary>
    static string Text(JsonElement margin) => string.Join(
        ' ', Amounts.Select(name => margin.GetProperty(name).GetDecimal().ToString("0.#########", CultureInfo.InvariantCulture))
            .Prepend(margin.TryGetProperty("model", out var model) ? model.GetString() : ""));
}
