using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Changing, cancelling and limiting a plan over the API.</summary>
public sealed class PlanApiJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task A_preview_changes_nothing_and_its_amounts_are_those_of_the_next_invoice_after_the_change()
    {
        var tenant = await TenantAsync();
        var preview = await (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium", preview = true })).ReadAsync();
        Assert.Equal("now", preview.GetProperty("takes_effect").GetString());
        Assert.Equal("basic", Text(await SubscriptionAsync(tenant), "plan"));

        var changed = await (await tenant.Http.PostAsJsonAsync(
            "/v1/subscription/plan", new { plan = "premium", effective_at = preview.GetProperty("effective_at").GetDateTimeOffset() })).ReadAsync();

        Assert.Equal(preview.ToString(), changed.ToString());
        var after = await SubscriptionAsync(tenant);
        Assert.Equal(("premium", preview.GetProperty("this_period").GetProperty("total").GetDecimal()), (Text(after, "plan"), after.GetProperty("next_invoice").GetProperty("total").GetDecimal()));
    }

    [Fact]
    public async Task An_old_preview_is_refused_with_a_new_one()
    {
        var tenant = await TenantAsync();
        using var reply = await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium", effective_at = _server.Clock.GetUtcNow().AddHours(-1) });
        Assert.Equal(HttpStatusCode.Conflict, reply.StatusCode);
        var problem = JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal("premium", Text(problem.GetProperty("preview"), "plan"));
        Assert.Equal("basic", Text(await SubscriptionAsync(tenant), "plan"));
    }

    [Fact]
    public async Task A_coupon_is_redeemed_with_the_change_or_not_at_all()
    {
        var code = Names.Random("code-");
        (await _server.Operator.PostAsJsonAsync("/v1/admin/coupons", new { code, percent = 10 })).EnsureSuccessStatusCode();
        var tenant = await _server.CreateTenantAsync();
        var asked = new { plan = "premium", coupon = code };
        Assert.Equal(HttpStatusCode.Conflict, (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", asked)).StatusCode);
        Assert.Equal(0, await RedemptionsAsync(tenant));
        await _server.SetAddressAsync(tenant);
        var preview = await (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium", coupon = code, preview = true })).ReadAsync();
        Assert.Equal((44.91m, 0), (preview.GetProperty("next_period").GetProperty("net").GetDecimal(), await RedemptionsAsync(tenant)));
        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium", coupon = "mistyped" })).StatusCode);
        Assert.Equal("basic", Text(await SubscriptionAsync(tenant), "plan"));
        (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", asked)).EnsureSuccessStatusCode();
        Assert.Equal(1, await RedemptionsAsync(tenant));
    }

    [Fact]
    public async Task A_change_of_plan_asks_the_register_about_the_VAT_id()
    {
        var tenant = await TenantAsync();
        await _server.SqlAsync("update control.tenant set vat_id = 'FR40303265045', country = 'FR' where id = $1", tenant.Id);
        (await tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium" })).EnsureSuccessStatusCode();
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.vat_confirmation where tenant_id = $1", tenant.Id));
    }

    [Fact]
    public async Task A_cancellation_is_shown_and_can_be_undone_once()
    {
        var tenant = await TenantAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await tenant.Http.DeleteAsync("/v1/subscription/cancellation")).StatusCode);
        var ends = (await (await tenant.Http.PostAsync("/v1/subscription/cancellation", null)).ReadAsync()).GetProperty("ends_on").GetString();
        var scheduled = (await SubscriptionAsync(tenant)).GetProperty("scheduled_change");
        Assert.Equal(("cancellation", ends), (Text(scheduled, "kind"), Text(scheduled, "effective_on")));

        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync("/v1/subscription/cancellation")).StatusCode);
        Assert.False((await SubscriptionAsync(tenant)).TryGetProperty("scheduled_change", out _));
    }

    [Theory]
    [InlineData("{\"eur\": 5.00}", 200)]
    [InlineData("{\"eur\": null}", 200)]
    [InlineData("{}", 400)]
    [InlineData("{\"eur\": -1}", 400)]
    [InlineData("{\"eur\": 1.001}", 400)]
    public async Task A_spend_limit_is_an_amount_or_null_but_never_missing(string body, int status)
    {
        var tenant = await TenantAsync();
        using var reply = await tenant.Http.PutAsync("/v1/subscription/spend-limit", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(status, (int)reply.StatusCode);
        Assert.Equal(body.Contains("5.00", StringComparison.Ordinal), (await SubscriptionAsync(tenant)).TryGetProperty("spend_limit", out _));
    }

    [Fact]
    public async Task An_operator_agrees_an_enterprise_plan_and_extends_a_trial()
    {
        var trial = await _server.CreateTenantAsync("trial");
        var ends = _server.Clock.GetUtcNow().AddDays(40);
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Operator.PostAsJsonAsync($"/v1/admin/tenants/{trial.Id}/trial", new { ends_at = ends.AddYears(-1) })).StatusCode);
        (await _server.Operator.PostAsJsonAsync($"/v1/admin/tenants/{trial.Id}/trial", new { ends_at = ends })).EnsureSuccessStatusCode();
        Assert.Equal(ends, (await SubscriptionAsync(trial)).GetProperty("trial_ends_at").GetDateTimeOffset(), TimeSpan.FromMilliseconds(1));

        var tenant = await TenantAsync();
        var agreed = await (await _server.Operator.PostAsJsonAsync(
            $"/v1/admin/tenants/{tenant.Id}/plan", new { plan = "enterprise", price_eur_per_month = 1000, overage_eur_per_1000 = 0.005, tokens_per_month = 50_000_000 })).ReadAsync();
        Assert.Equal(1000m, agreed.GetProperty("next_period").GetProperty("net").GetDecimal());
        Assert.Equal("enterprise", Text(await SubscriptionAsync(tenant), "plan"));
        Assert.Equal(HttpStatusCode.Conflict, (await _server.Operator.PostAsJsonAsync($"/v1/admin/tenants/{tenant.Id}/trial", new { ends_at = ends })).StatusCode);
    }

    Task<long> RedemptionsAsync(TestTenant tenant) => _server.ReadAsync<long>("select count(*) from control.coupon_redemption where tenant_id = $1", tenant.Id);

    async Task<TestTenant> TenantAsync()
    {
        var tenant = await _server.CreateTenantAsync();
        (await tenant.Http.PatchAsync("/v1/organization", new StringContent(
            """{ "address": { "line1": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin" } }""", Encoding.UTF8, "application/json"))).EnsureSuccessStatusCode();
        return tenant;
    }

    static async Task<JsonElement> SubscriptionAsync(TestTenant tenant) => await (await tenant.Http.GetAsync("/v1/subscription")).ReadAsync();

    static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
