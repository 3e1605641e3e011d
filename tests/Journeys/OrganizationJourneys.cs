using System.Net;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What invoices say about the buyer, over the API and in the portal.</summary>
public sealed class OrganizationJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task Members_that_are_sent_change_null_removes_and_the_others_stay()
    {
        var tenant = await _server.CreateTenantAsync();
        await PatchAsync(tenant, """
            { "address": { "line1": " Hauptstraße 1 ", "postal_code": "10115", "city": "Berlin" }, "invoice_email": "rechnung@example.de", "reference": "PO-1", "language": "en" }
            """);

        var changed = await PatchAsync(tenant, """{ "address": { "line1": "Hauptstraße 2" }, "reference": null }""");

        Assert.Equal(("Hauptstraße 2", "10115", "DE", "rechnung@example.de", "en"), (
            Text(changed, "address", "line1"), Text(changed, "address", "postal_code"), Text(changed, "address", "country"), Text(changed, "invoice_email"), Text(changed, "language")));
        Assert.False(changed.TryGetProperty("reference", out _));
        Assert.Equal(changed.ToString(), (await (await tenant.Http.GetAsync("/v1/organization")).ReadAsync()).ToString());
    }

    [Theory]
    [InlineData("""{ "adress": {} }""", "adress")]
    [InlineData("""{ "address": { "street": "x" } }""", "street")]
    [InlineData("""{ "address": "Hauptstraße 1" }""", "address")]
    [InlineData("""{ "name": 5 }""", "name")]
    [InlineData("""{ "name": null }""", "name")]
    [InlineData("""{ "name": "\ud800" }""", "name")]
    [InlineData("""{ "address": { "country": "XX" } }""", "country")]
    [InlineData("""{ "vat_id": "ATU12345678" }""", "vat_id")]
    [InlineData("""{ "invoice_email": "nowhere" }""", "invoice_email")]
    [InlineData("""{ "language": "fr" }""", "language")]
    [InlineData("[]", "body")]
    [InlineData("""{ "i\ud800": 1 }""", "body")]
    public async Task A_wrong_or_unknown_member_changes_nothing_and_is_named(string body, string field)
    {
        var tenant = await _server.CreateTenantAsync();
        var before = await tenant.Http.GetStringAsync("/v1/organization");
        using var reply = await SendAsync(tenant, body);
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains($"\"{field}\":[", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(before, await tenant.Http.GetStringAsync("/v1/organization"));
    }

    [Fact]
    public async Task A_tenant_sends_its_invoices_to_a_few_unknown_addresses_a_day_and_to_its_members_always()
    {
        var tenant = await _server.CreateTenantAsync();
        await _server.SqlAsync("update control.tenant set approved_at = null where id = $1", tenant.Id);
        var most = _server.Services.GetRequiredService<AccountOptions>().UnconfirmedMailsOfUnapproved;
        for (var number = 0; number < most; number++)
        {
            await PatchAsync(tenant, $$"""{ "invoice_email": "stranger{{number}}@{{tenant.Slug}}.test" }""");
        }

        using var reply = await SendAsync(tenant, $$"""{ "invoice_email": "one-more@{{tenant.Slug}}.test" }""");
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains("too many new addresses", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        await _server.SqlAsync("update control.member set confirmed_at = now() where tenant_id = $1", tenant.Id);
        await PatchAsync(tenant, $$"""{ "invoice_email": "owner@{{tenant.Slug}}.example" }""");
    }

    [Fact]
    public async Task A_change_is_audited_with_the_names_of_the_fields_but_not_their_values()
    {
        var tenant = await _server.CreateTenantAsync();
        await PatchAsync(tenant, """{ "address": { "city": "Berlin" }, "vat_id": "DE136695976" }""");
        await PatchAsync(tenant, """{ "address": { "city": "Berlin" } }""");
        var detail = await _server.ReadAsync<string>("select string_agg(detail::text, ';') from control.audit_log where tenant_id = $1 and action = 'organization.changed'", tenant.Id);
        Assert.Equal("""{"fields": ["city", "vat_id"]}""", detail);
    }

    [Theory]
    [InlineData("DE", "de")]
    [InlineData("CH", "de")]
    [InlineData("FR", "en")]
    public async Task A_new_tenant_gets_mails_about_money_in_the_language_of_its_country(string country, string language)
    {
        var tenant = await _server.CreateTenantAsync(country: country);
        Assert.Equal(language, Text(await (await tenant.Http.GetAsync("/v1/organization")).ReadAsync(), "language"));
    }

    [Fact]
    public async Task A_VAT_ID_is_pending_until_the_register_has_answered()
    {
        var tenant = await _server.CreateTenantAsync();
        Assert.Equal("pending", Text(await PatchAsync(tenant, """{ "vat_id": "DE136695976" }"""), "vat_id", "status"));
        await _server.SqlAsync(
            "insert into control.vat_confirmation (id, tenant_id, vat_id, state, requested_at, answered_at) values (gen_random_uuid(), $1, 'DE136695976', 'valid', now(), now())", tenant.Id);
        Assert.Equal("confirmed", Text(await (await tenant.Http.GetAsync("/v1/organization")).ReadAsync(), "vat_id", "status"));
    }

    [Fact]
    public async Task The_form_asks_for_what_an_invoice_needs_and_keeps_what_was_entered()
    {
        var person = Person.New() with { Plan = "basic" };
        await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);

        using var refused = await browser.SubmitAsync(
            "/app/billing", "/app/billing/organization", ("name", "Müller GmbH"), ("country", "DE"), ("city", "Berlin"), ("language", "de"));
        var page = await refused.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Enter street and number.", page, StringComparison.Ordinal);
        Assert.Contains("value=\"Berlin\"", page, StringComparison.Ordinal);

        using var saved = await browser.SubmitAsync(
            "/app/billing", "/app/billing/organization", ("name", "Müller GmbH"), ("line1", "Hauptstraße 1"), ("postal_code", "10115"), ("city", "Berlin"), ("country", "DE"),
            ("language", "de"), ("reference", "04011000-12345-39"));
        Assert.Contains("Saved. It holds for the invoices that follow.", await saved.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    static async Task<JsonElement> PatchAsync(TestTenant tenant, string body) => await (await SendAsync(tenant, body)).ReadAsync();

    static Task<HttpResponseMessage> SendAsync(TestTenant tenant, string body) =>
        tenant.Http.PatchAsync("/v1/organization", new StringContent(body, Encoding.UTF8, "application/json"));

    static string? Text(JsonElement json, params string[] path) => path.Aggregate(json, (part, name) => part.GetProperty(name)).GetString();
}
