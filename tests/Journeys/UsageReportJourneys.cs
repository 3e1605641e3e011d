namespace ControlPlane.Tests;

public sealed class UsageReportJourneys : IAsyncLifetime
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
    public async Task Ids_of_any_length_are_counted_exactly_once()
    {
        var (one, two) = ($"{new string('é', 5_000)}1", $"{new string('é', 5_000)}2");

        Assert.Equal(2, (await _server.ReportAsync(_tenant, Deliveries.Event(one, Now), Deliveries.Event(two, Now)).CountsAsync()).Accepted);
        Assert.Equal(2, (await _server.ReportAsync(_tenant, Deliveries.Event(two, Now), Deliveries.Event(one, Now)).CountsAsync()).Duplicates);
        Assert.Equal(["conflict"], (await _server.ReportAsync(_tenant, Deliveries.Event(one, Now, prompt: 1)).CountsAsync()).Codes);
        Assert.Equal(300, await _tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Theory]
    [InlineData("day,model,user")]
    [InlineData("day")]
    [InlineData("user")]
    [InlineData("model,user")]
    public async Task Pages_of_usage_add_up_to_the_whole(string grouping)
    {
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 40).Select(n =>
            Deliveries.Event($"e{n}", Now.AddDays(-n % 5), n, n, n % 2 == 0 ? "gemini-pro" : "mistral:7b-instruct", user: $"ü'{n % 7}\"+"))]);
        var address = $"/v1/usage?from=2026-01-01&to=2026-02-01&group_by={grouping}";
        var whole = (await (await _tenant.Http.GetAsync(address)).ReadAsync()).GetProperty("items").EnumerateArray().Select(row => row.GetRawText()).ToList();

        var (rows, cursor) = (new List<string>(), "");
        do
        {
            var page = await (await _tenant.Http.GetAsync($"{address}&limit=3{cursor}")).ReadAsync();
            rows.AddRange(page.GetProperty("items").EnumerateArray().Select(row => row.GetRawText()));
            cursor = page.TryGetProperty("next_cursor", out var next) ? $"&cursor={next.GetString()}" : "";
        }
        while (cursor.Length > 0);

        Assert.True(whole.Count > 3);
        Assert.Equal(whole, rows);
    }
}
