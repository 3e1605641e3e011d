using System.Net;
using System.Net.Http.Json;
using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>The portal's pages for members and operators, in a real browser, filled with data.</summary>
[Trait("Category", Browser.Category)]
public sealed class PortalJourneys(Browser browser) : IClassFixture<Browser>
{
    static readonly string[] ModelsOfAnna = ["gpt-4-turbo", "claude-3-opus"];

    TestServer Server => browser.Server;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Every_page_fits_its_viewport_has_sufficient_contrast_and_logs_no_errors(bool phone, bool dark)
    {
        var tenant = await Server.CreateTenantAsync("premium");
        await ReportUsageAsync(tenant);
        await using var window = await browser.OpenAsync(phone: phone, dark: dark);
        await browser.SignInAsync(window, tenant.Id);
        await browser.SignInAsOperatorAsync(window);
        await SetLimitsAndWebhooksAsync(tenant);
        foreach (var path in (string[])
            ["/", "/login", "/forgot", "/terms", "/app", "/app/environment", "/app/keys", "/app/billing", "/app/invoices", "/app/limits", "/app/limits?user=anna", "/app/webhooks", "/app/members",
             "/app/organizations", "/app/account", "/admin", "/admin/tenants", "/admin/billing", "/admin/coupons", "/admin/bank-transactions", "/admin/ec-sales-list", $"/admin/tenants/{tenant.Id}", $"/admin/tenants/{tenant.Id}/plan", "/admin/quarantine", "/admin/quarantine?code=unknown_model", "/admin/deliveries", "/admin/jobs",
             "/admin/operators"])
        {
            await window.GoAsync(path);
            Assert.Equal((path, 0), (path, await window.HorizontalOverflowAsync()));
            Assert.Equal((path, ""), (path, string.Join('\n', await window.LowContrastTextsAsync())));
            Assert.Equal(1, await window.Page.Locator("h1").CountAsync());
            var name = path.Trim('/').Replace(tenant.Id.ToString(), "one").Split('?')[0].Replace('/', '-');
            await window.ScreenshotAsync($"{(name.Length == 0 ? "signup" : name)}{(phone ? "-phone" : "")}{(dark ? "-dark" : "")}");
        }

        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task The_contrast_check_detects_text_that_is_too_faint()
    {
        await using var window = await browser.OpenAsync();
        await window.GoAsync("/login");
        Assert.Empty(await window.LowContrastTextsAsync());
        await window.Page.EvaluateAsync("document.querySelector('h1').style.color = '#999'");
        Assert.Contains("Sign in", Assert.Single(await window.LowContrastTextsAsync()));
    }

    [Fact]
    public async Task An_owner_replaces_the_webhook_secret_once_a_day_or_revokes_all()
    {
        var tenant = await Server.CreateTenantAsync();
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/keys");

        await window.PressAsync("Replace…");
        await window.PressAsync("Create new secret");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("The previous secret remains valid until");
        await window.PressAsync("Replace…");
        await window.PressAsync("Create new secret");
        await Assertions.Expect(window.Page.Locator(".problem")).ToContainTextAsync("Nothing was changed");
        await window.ScreenshotAsync("webhook-secret-refused");

        await window.PressAsync("Revoke and replace…");
        await window.ScreenshotAsync("webhook-secret-revoke");
        await window.PressAsync("Revoke and create new secret");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Your new webhook secret");
        Assert.DoesNotContain("remains valid", await window.Text(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Server.PostSignedAsync(tenant, "{}")).StatusCode);
    }

    [Fact]
    public async Task An_operator_replays_the_quarantine_runs_a_job_and_suspends_a_tenant()
    {
        var tenant = await Server.CreateTenantAsync("premium");
        await ReportUsageAsync(tenant);
        await using var window = await browser.OpenAsync();
        await browser.SignInAsOperatorAsync(window);

        await window.GoAsync("/admin/quarantine?code=unknown_model");
        await window.Page.GetByText("Received data").First.ClickAsync();
        Assert.Contains("<i>nonsense</i>", await window.Text());
        await window.PressAsync("Replay all of “unknown model”");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Requested.");
        await Server.RunJobAsync("quarantine");
        await window.GoAsync($"/admin/quarantine?code=unknown_model&tenant={tenant.Id}");
        await Assertions.Expect(window.Page.Locator(".attention li").First).ToContainTextAsync("could not be counted and remain in quarantine (unknown model");
        await window.PressAsync("Discard… call-7");
        await window.Page.Locator(":popover-open input[name=reason]").FillAsync("The model was a typo.");
        await window.PressAsync("Discard permanently");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("The event was discarded.");

        await window.GoAsync("/admin/jobs");
        await window.PressAsync("Run now: nightly");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Job nightly completed.");

        await window.GoAsync($"/admin/tenants/{tenant.Id}");
        await window.PressAsync("Suspend…");
        await window.PressAsync("Suspend");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Suspending…");
        await Assertions.Expect(window.Page.Locator(".heading .state")).ToHaveTextAsync("suspended");
        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task An_admin_adds_an_operator_who_is_offered_what_the_role_allows()
    {
        var tenant = await Server.CreateTenantAsync();
        await using var window = await browser.OpenAsync(javaScript: false);
        await browser.SignInAsOperatorAsync(window);
        await window.GoAsync("/admin/operators");
        await window.Page.GetByLabel("Name").FillAsync("Ada Support");
        await window.Page.GetByLabel("Role").SelectOptionAsync("support");
        await window.PressAsync("Create key");
        var key = (await window.Page.Locator("#secret").InnerTextAsync()).Trim();
        await window.ScreenshotAsync("admin-operators-created");
        await Assertions.Expect(window.Page.Locator("tbody tr").First).ToContainTextAsync("Ada Support");

        await using var adas = await browser.OpenAsync();
        await adas.GoAsync("/admin");
        await adas.Page.GetByLabel("Operator key").FillAsync(key);
        await adas.PressAsync("Sign in");
        await adas.GoAsync($"/admin/tenants/{tenant.Id}");
        await Assertions.Expect(adas.Page.GetByRole(AriaRole.Button, new() { Name = "Suspend…" })).ToBeVisibleAsync();
        Assert.Equal(0, await adas.Page.GetByRole(AriaRole.Button, new() { Name = "Delete…" }).CountAsync());
        await adas.GoAsync("/admin/operators");
        Assert.Equal(0, await adas.Page.GetByRole(AriaRole.Button, new() { Name = "Create key" }).CountAsync());
        Assert.Empty(adas.ConsoleErrors);

        await window.PressAsync("Revoke… Ada Support");
        await window.PressAsync("Revoke");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Operator revoked");
        await adas.Page.GotoAsync("/admin");
        Assert.Contains("/admin/login", adas.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_owner_limits_a_user_and_replays_a_webhook()
    {
        var tenant = await Server.CreateTenantAsync("premium");
        await ReportUsageAsync(tenant);
        await using var window = await browser.OpenAsync(javaScript: false);
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/limits");
        await window.Page.GetByLabel("User", new() { Exact = true }).FillAsync("anna");
        await window.Page.GetByLabel("Tokens per day").FillAsync("many");
        await window.PressAsync("Save limits");
        await Assertions.Expect(window.Page.Locator(".error")).ToContainTextAsync("Enter a whole number");
        await window.Page.GetByLabel("Tokens per day").FillAsync("1,000");
        await window.Page.GetByLabel("gpt-4-turbo").CheckAsync();
        await window.PressAsync("Save limits");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Limits saved.");
        await Assertions.Expect(window.Page.Locator("tbody tr").First).ToContainTextAsync("gpt-4-turbo");
        await window.PressAsync("Remove the limits of anna");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Limits removed.");

        await window.GoAsync("/app/webhooks");
        await window.Page.GetByLabel("URL").FillAsync("http://127.0.0.1:1/hooks");
        await window.PressAsync("Set");
        Assert.StartsWith("whsec_", await window.Page.Locator("#secret").InnerTextAsync(), StringComparison.Ordinal);
        await SetLimitsAndWebhooksAsync(tenant);
        await window.GoAsync("/app/webhooks");
        await Assertions.Expect(window.Page.Locator("tbody tr").First).ToContainTextAsync("no connection");
        await window.Page.Locator("button", new() { HasTextString = "Replay" }).First.ClickAsync();
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Sending again…");
    }

    async Task ReportUsageAsync(TestTenant tenant)
    {
        var now = Server.Clock.GetUtcNow();
        string[] models = ["mistral:7b-instruct", "gemini-1.5-pro", "gpt-4-turbo", "claude-3-opus"];
        var events = Enumerable.Range(0, 120).Select(i => new
        {
            id = $"call-{i}",
            occurred_at = now.AddHours(-5.5 * i),
            user = "anna",
            model = i % 40 == 7 ? "<i>nonsense</i>" : models[i % 4],
            prompt_tokens = 2_000 + (i * 7_919 % 30_000),
            completion_tokens = 1_000 + (i * 104_729 % 20_000),
        });
        (await tenant.Http.PostAsJsonAsync("/v1/usage", events)).EnsureSuccessStatusCode();
    }

    // Limits for all users and for one user, an alert, a dead delivery and a suppressed address.
    async Task SetLimitsAndWebhooksAsync(TestTenant tenant)
    {
        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/*", new { tokens_per_day = 20_000, tokens_per_month = 300_000 })).EnsureSuccessStatusCode();
        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/anna", new { tokens_per_day = 100_000, models = ModelsOfAnna })).EnsureSuccessStatusCode();
        (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = "http://127.0.0.1:1/hooks" })).EnsureSuccessStatusCode();
        await using (var transaction = await Server.Database.BeginJobAsync(CancellationToken.None))
        {
            await transaction.EnqueueWebhookAsync(Server.Clock, tenant.Id, "budget.threshold_reached", new { percent = 50 }, CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
        }

        await Server.RunJobAsync("webhooks");
        await Server.SqlAsync("update control.webhook_delivery set dead_at = now() where tenant_id = $1", tenant.Id);
        var bounce = new { address = $"gone@{tenant.Slug}.example", kind = "bounce", reason = "550 5.1.1 The email account that you tried to reach does not exist" };
        (await Server.Operator.PostAsJsonAsync("/v1/webhooks/mail", bounce)).EnsureSuccessStatusCode();
        (await Server.Operator.PutAsJsonAsync($"/v1/admin/tenants/{tenant.Id}/limits", new { tokens_per_day = 750_000, reason = "Ticket 4711: launch week" })).EnsureSuccessStatusCode();
    }
}
