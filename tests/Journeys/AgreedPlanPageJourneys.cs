using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>An operator changes a tenant's plan on its page.</summary>
public sealed partial class AgreedPlanPageJourneys
{
    [Fact]
    public async Task The_amounts_are_shown_before_they_are_confirmed_and_what_was_agreed_is_billed()
    {
        await using var server = await TestServer.StartAsync(clock: new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
        var tenant = await server.CreateTenantAsync();
        var path = $"/admin/tenants/{tenant.Id}/plan";
        using var browser = server.NewVisitor();
        await browser.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        (string, string)[] terms = [("plan", "enterprise"), ("price_eur_per_month", "1234,50"), ("overage_eur_per_1000", "0.005"), ("tokens_per_month", "50000000"), ("minimum_eur", "1500")];

        using var shown = await browser.SubmitAsync(path, path, terms);
        var text = WebUtility.HtmlDecode(await shown.Content.ReadAsStringAsync());
        Assert.Contains("€1,500.00", text, StringComparison.Ordinal);
        Assert.Contains("50,000,000 tokens", text, StringComparison.Ordinal);
        Assert.Equal("basic", await PlanAsync());

        using var confirmed = await browser.SubmitAsync(path, path, [.. terms, ("effective_at", EffectiveAt().Match(text).Groups[1].Value)]);
        Assert.Contains("The plan has changed.", await confirmed.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(("enterprise", 1234.50m), (await PlanAsync(), await server.ReadAsync<decimal>("select agreed_eur_per_month from control.subscription")));
        Assert.Equal((50_000_000L, 1500m), (
            await server.ReadAsync<long>("select agreed_tokens_per_month from control.subscription_segment order by starts_at desc limit 1"),
            await server.ReadAsync<decimal>("select minimum_eur from control.subscription_segment order by starts_at desc limit 1")));

        Task<string?> PlanAsync() => server.ReadAsync<string>("select plan from control.subscription where tenant_id = $1", tenant.Id);
    }

    [Theory]
    [InlineData("price_eur_per_month", "cheap", "Enter a number such as 1250.00, with at most 2 decimals")]
    [InlineData("price_eur_per_month", "-1", "Enter 0 or more, with at most 2 decimals.")]
    [InlineData("tokens_per_month", "1.5", "Enter a whole number.")]
    [InlineData("plan", "gold", "Choose a plan.")]
    public async Task A_wrong_field_says_what_to_enter_and_changes_nothing(string field, string value, string error)
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        using var browser = server.NewVisitor();
        await browser.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        var path = $"/admin/tenants/{tenant.Id}/plan";
        using var reply = await browser.SubmitAsync(path, path, [.. ((string, string)[])[("plan", "premium")], (field, value)]);
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains(error, await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("basic", await server.ReadAsync<string>("select plan from control.subscription where tenant_id = $1", tenant.Id));
    }

    [GeneratedRegex("name=\"effective_at\" value=\"([^\"]+)\"")] private static partial Regex EffectiveAt();
}
