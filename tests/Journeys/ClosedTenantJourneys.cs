using System.Net.Http.Json;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests;

/// <summary>What a closed tenant leaves: its accounting records, and for some time what its members could ask for.</summary>
public sealed class ClosedTenantJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);

    static readonly string[] Books =
        ["invoice", "invoice_line", "invoice_tax", "invoice_pdf", "settlement", "payment", "billing_period", "audit_log", "subscription", "subscription_segment"];

    TestServer _server = null!;
    TestTenant _tenant = null!;

    string Owner => $"owner@{_tenant.Slug}.example";

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_RETENTION", "tenants=60d,mail=3650d,keys=3650d")]);
        _tenant = await _server.CreateReadyTenantAsync("basic");
        await _server.PayByTransferAsync(_tenant);
        await LeaveTracesAsync();
        await _server.JumpAsync(Start.AddDays(10));
        (await _server.Operator.DeleteAsync($"/v1/admin/tenants/{_tenant.Id}")).EnsureSuccessStatusCode();
        await _server.RunJobAsync("provision");
        await _server.JumpAsync(End, "billing", "nightly");
        await _server.MailsAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task After_its_retention_nothing_is_left_of_the_people_and_all_of_the_books()
    {
        await _server.PayAsync(_tenant, "INV-000001");
        var (books, document, counted) = (await BooksAsync(), await DocumentAsync(), await CountedAsync());

        await _server.JumpAsync(Start.AddDays(10 + 59), "retention", "retention");
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.member where tenant_id = $1", _tenant.Id));
        Assert.Contains("control.usage_counter", await _server.TablesWithAsync("anna@users.example"));
        Assert.Equal("12 Long Lane", await _server.ReadAsync<string>("select address_line1 from control.tenant where id = $1", _tenant.Id));

        await _server.JumpAsync(Start.AddDays(10 + 61), "retention", "retention");

        Assert.Empty(await _server.TablesWithAsync("anna@users.example"));
        Assert.Empty(await _server.TablesWithAsync("anna-of-the-app"));
        Assert.Empty(await _server.TablesWithAsync(Owner));
        Assert.Equal(["control.invoice"], await _server.TablesWithAsync("12 Long Lane"));
        foreach (var table in (string[])["member", "member_session", "tenant_key", "webhook_secret", "webhook_endpoint", "outbox", "user_limit", "chat_settings", "erasure"])
        {
            Assert.True(await _server.ReadAsync<long>($"select count(*) from control.{table} where tenant_id = $1", _tenant.Id) == 0, table);
        }

        Assert.NotEqual(default, await _server.ReadAsync<DateTimeOffset>("select erased_at from control.tenant where id = $1", _tenant.Id));
        // Each row of accounting is as it was; the audit log has more.
        var after = await BooksAsync();
        Assert.All(books, table => Assert.Empty(table.Value.Except(after[table.Key])));
        Assert.Equal(document, await DocumentAsync());
        Assert.Equal(counted, await CountedAsync());
        var page = await _server.Operator.GetAsync($"/v1/admin/tenants/{_tenant.Id}");
        Assert.Equal($"Organization {_tenant.Slug}", (await page.ReadAsync()).GetProperty("organization").GetString());
        Assert.Empty((await _server.RunJobAsync("nightly")).GetProperty("alerts").EnumerateArray());
    }

    [Fact]
    public async Task As_long_as_an_invoice_is_open_its_debtor_is_known()
    {
        await _server.JumpAsync(Start.AddDays(200), "retention", "retention");
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.member where tenant_id = $1", _tenant.Id));

        await _server.PayAsync(_tenant, "INV-000001");
        await _server.RunJobAsync("retention");
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.member where tenant_id = $1", _tenant.Id));
    }

    [Fact]
    public async Task As_long_as_an_operator_has_to_decide_about_usage_its_reporter_is_known()
    {
        await _server.PayAsync(_tenant, "INV-000001");
        await _server.SqlAsync(
            """
            insert into control.quarantine (id, tenant_id, received_at, form, code, detail, raw, raw_digest)
            values (gen_random_uuid(), $1, now(), 'event', 'subscription_ended', '', '{}', '\x01')
            """,
            _tenant.Id);
        await _server.JumpAsync(Start.AddDays(200), "retention");
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.member where tenant_id = $1", _tenant.Id));

        await _server.SqlAsync("update control.quarantine set state = 'discarded', discarded_at = now() where tenant_id = $1", _tenant.Id);
        await _server.RunJobAsync("retention");
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.member where tenant_id = $1", _tenant.Id));
    }

    [Fact]
    public async Task The_owner_of_a_closed_tenant_signs_up_again_with_the_same_address_and_a_new_password_before_and_after_it_is_erased()
    {
        await _server.PayAsync(_tenant, "INV-000001");
        await ReturnAsync("a new battery staple");
        await _server.JumpAsync(Start.AddDays(200), "retention");
        await ReturnAsync("another battery staple");

        async Task ReturnAsync(string password)
        {
            var known = (await _server.MailsAsync()).Select(mail => mail.File).ToHashSet();
            var person = Person.New() with { Email = Owner, Password = password };
            var tenant = (await (await person.SendAsync(_server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
            await Person.VerifyAsync(_server, (await person.MailsAsync(_server)).Single(mail => !known.Contains(mail.File) && mail.Body.Contains("/v1/verify", StringComparison.Ordinal)).Link("/v1/verify"));
            Assert.NotEqual(_tenant.Id, tenant);
            Assert.Equal("active", await _server.ReadAsync<string>("select status from control.tenant where id = $1", tenant));
            Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.invoice where tenant_id = $1", tenant));
        }
    }

    /// <summary>A session, keys, limits, settings, mails, an address and usage of a user with an address.</summary>
    async Task LeaveTracesAsync()
    {
        (await _tenant.Http.PatchAsJsonAsync(
            "/v1/organization", new { address = new { line1 = "12 Long Lane", postal_code = "10115", city = "Berlin", country = "DE" }, invoice_email = $"books@{_tenant.Slug}.example" }))
            .EnsureSuccessStatusCode();
        await _server.SqlAsync("insert into control.user_limit (tenant_id, user_id, updated_at) values ($1, 'anna@users.example', now())", _tenant.Id);
        (await _tenant.Http.PutAsJsonAsync("/v1/environment/settings", new { signup = false, banner = "Ask Anna" })).EnsureSuccessStatusCode();
        (await _tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = (string[])["chat"], user = "anna-of-the-app" })).EnsureSuccessStatusCode();
        (await _tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = "https://hooks.example.com/anna" })).EnsureSuccessStatusCode();
        await _server.ReportAsync(
            _tenant, Deliveries.Event("e1", _server.Clock.GetUtcNow(), 1_100_000, 0, user: "anna@users.example"), Deliveries.Event("e2", _server.Clock.GetUtcNow(), 7, 3, user: "bert")).CountsAsync();
        await _server.SqlAsync(
            """
            insert into control.member_session (token_hash, tenant_id, member_id, expires_at)
            select '\x01', tenant_id, id, now() + interval '10 years' from control.member where tenant_id = $1
            """,
            _tenant.Id);
    }

    // The rows as text.
    async Task<Dictionary<string, List<string>>> BooksAsync()
    {
        var rows = new Dictionary<string, List<string>>();
        await using var transaction = await _server.Database.BeginJobAsync(default);
        foreach (var table in Books)
        {
            rows[table] = await transaction.QueryAsync($"select t::text from control.{table} t where tenant_id = $1", row => row.GetString(0), default, _tenant.Id);
        }

        Assert.Single(rows["invoice"]);
        return rows;
    }

    /// <summary>The invoice as it is drawn from its row.</summary>
    async Task<byte[]> DocumentAsync()
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        return InvoicePdf.Render(InvoiceLayout.Of((await transaction.InvoiceAsync(_tenant.Id, "INV-000001", default))!, 1m, isCharged: false));
    }

    async Task<string?> CountedAsync() => await _server.ReadAsync<string>(
        "select concat_ws(' ', sum(requests), sum(prompt_tokens), sum(completion_tokens), sum(cost)) from control.usage_counter where tenant_id = $1", _tenant.Id);
}
