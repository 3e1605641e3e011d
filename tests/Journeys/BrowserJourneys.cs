using System.Net.Http.Json;
using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>User journeys through the portal in a real browser.</summary>
[Trait("Category", Browser.Category)]
public sealed class BrowserJourneys(Browser browser) : IClassFixture<Browser>
{
    const string Password = "correct horse battery staple";
    static readonly string[] ModelsOfAnna = ["gpt-4-turbo", "claude-3-opus"];

    TestServer Server => browser.Server;

    [Fact]
    public async Task A_visitor_signs_up_and_watches_the_environment_become_ready()
    {
        await using var window = await browser.OpenAsync();
        var slug = Names.Random("t");
        await SignUpAsync(window, slug);
        await SignInAsync(window, slug);

        await Assertions.Expect(window.Page.Locator(".state").First).ToContainTextAsync("ready (rendered)");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync($"{slug}.users.");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Your trial ends on");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("No usage yet");
        await window.ScreenshotAsync("dashboard-new");
        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task The_environment_state_updates_without_a_reload()
    {
        var tenant = await Server.CreateTenantAsync();
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await SetStateAsync(tenant.Id, "provisioning");
        await window.GoAsync("/app");
        await Assertions.Expect(window.Page.Locator(".state").First).ToHaveTextAsync("provisioning");
        await window.Page.EvaluateAsync("window.notReloaded = true");

        await SetStateAsync(tenant.Id, "ready");

        await Assertions.Expect(window.Page.Locator(".state").First).ToContainTextAsync("ready");
        Assert.True(await window.Page.EvaluateAsync<bool>("window.notReloaded"));
    }

    [Fact]
    public async Task Usage_reported_with_a_key_from_the_portal_appears_on_the_dashboard()
    {
        var tenant = await Server.CreateTenantAsync("basic");
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/keys");
        await window.Page.GetByLabel("Name of a new key").FillAsync("reports");
        await window.PressAsync("Create key");
        var key = (await window.Page.Locator("#secret").InnerTextAsync()).Trim();
        await window.GoAsync("/app/keys");
        Assert.DoesNotContain(key, await window.Text());

        using var gateway = Server.NewClient(key);
        var now = Server.Clock.GetUtcNow();
        var events = Enumerable.Range(0, 10).Select(i => new
        {
            id = $"call-{i}",
            occurred_at = now.AddDays(i == 0 ? 0 : -i),
            user = "anna",
            model = i % 2 == 0 ? "mistral:7b-instruct" : "gemini-pro",
            prompt_tokens = 1_000,
            completion_tokens = 234,
        });
        (await gateway.PostAsJsonAsync("/v1/usage", events)).EnsureSuccessStatusCode();

        await window.GoAsync("/app");
        await Assertions.Expect(window.Page.GetByRole(AriaRole.Meter, new() { Name = "Today" })).ToHaveAttributeAsync("aria-valuetext", "1,234 of 50,000 tokens");
        await Assertions.Expect(window.Page.GetByRole(AriaRole.Img)).ToHaveAccessibleDescriptionAsync(new System.Text.RegularExpressions.Regex("^12,340 tokens in 30 days"));
        Assert.Equal(10, await window.Page.Locator(".chart rect[fill] > title").CountAsync());
        await window.Page.GetByText("Show as table").ClickAsync();
        await Assertions.Expect(window.Page.Locator("tfoot td").Last).ToHaveTextAsync("12,340");
        await window.ScreenshotAsync("dashboard");
        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task Everything_works_without_JavaScript()
    {
        await using var window = await browser.OpenAsync(javaScript: false);
        var slug = Names.Random("t");
        await SignUpAsync(window, slug);
        await SignInAsync(window, slug);

        await window.GoAsync("/app/keys");
        await window.Page.GetByLabel("Name of a new key").FillAsync("laptop");
        await window.PressAsync("Create key");
        Assert.StartsWith("cpt_", await window.Page.Locator("#secret").InnerTextAsync(), StringComparison.Ordinal);

        // Destructive actions are confirmed in a native popover.
        await window.PressAsync("Revoke… laptop");
        await window.PressAsync("Cancel");
        await window.PressAsync("Revoke… laptop");
        await window.PressAsync("Revoke");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Key revoked");

        await window.PressAsync("Sign out");
        await window.Page.GotoAsync("/app");
        Assert.EndsWith("/login?return=%2Fapp", window.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_signup_form_can_be_completed_with_the_keyboard_alone()
    {
        await using var window = await browser.OpenAsync();
        await window.GoAsync("/");
        var (slug, keyboard) = (Names.Random("t"), window.Page.Keyboard);
        await keyboard.PressAsync("Tab");
        Assert.Equal("Skip to content", await FocusedAsync(window, "textContent"));
        await keyboard.PressAsync("Enter");

        // From the skip link on, Tab reaches every control in page order, and each shows a focus indicator.
        var answers = new Dictionary<string, string>
        {
            ["organization"] = "Keyboard & Co",
            ["slug"] = slug,
            ["country"] = "Germany",
            ["email"] = $"owner@{slug}.example",
            ["password"] = Password,
            ["accept_terms"] = " ",
        };
        var reached = new List<string>();
        while (reached.Count < 30)
        {
            await keyboard.PressAsync("Tab");
            var name = await FocusedAsync(window, "name");
            reached.Add(name);
            Assert.NotEqual("none", await window.Page.EvaluateAsync<string>(
                "() => { const e = document.activeElement; return e.type === 'radio' ? 'card' : getComputedStyle(e).outlineStyle }"));
            if (answers.TryGetValue(name, out var answer))
            {
                await keyboard.TypeAsync(answer);
            }
            else if (name == "plan")
            {
                await keyboard.PressAsync("ArrowDown");
            }
            else if (await FocusedAsync(window, "textContent") == "Sign up" && await FocusedAsync(window, "tagName") == "BUTTON")
            {
                break;
            }
        }

        await keyboard.PressAsync("Enter");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("Check your email");
        Assert.Equal(answers.Keys, reached.Where(answers.ContainsKey));
        Assert.Contains((await Server.MailsAsync()), mail => mail.To == $"owner@{slug}.example");
    }

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
            ["/", "/login", "/forgot", "/terms", "/app", "/app/environment", "/app/keys", "/app/invoices", "/app/limits", "/app/limits?user=anna", "/app/webhooks", "/app/members",
             "/admin", "/admin/tenants", $"/admin/tenants/{tenant.Id}", "/admin/quarantine", "/admin/quarantine?code=unknown_model", "/admin/jobs"])
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
        await Assertions.Expect(window.Page.Locator(".problem")).ToContainTextAsync("could not be counted");

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

    [Fact]
    public async Task An_unknown_path_and_an_expired_form_show_an_error_page()
    {
        var tenant = await Server.CreateTenantAsync();
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.Page.GotoAsync("/app/nowhere");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("Page not found");
        await window.ScreenshotAsync("error-404");

        await window.GoAsync("/app/keys");
        await window.Page.GetByLabel("Name of a new key").FillAsync("late");
        await window.Page.Context.ClearCookiesAsync(new() { Name = "antiforgery" });
        await window.PressAsync("Create key");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("This form has expired");
        Assert.Equal("", await window.Page.EvaluateAsync<string>("() => /\\bat [A-Z]\\w+\\./.test(document.body.innerText) ? document.body.innerText : ''"));
    }

    async Task SignUpAsync(Window window, string slug)
    {
        await window.GoAsync("/");
        await window.Page.GetByLabel("Organization", new() { Exact = true }).FillAsync($"Müller & Söhne {slug}");
        await window.Page.GetByLabel("Address of your environment").FillAsync(slug);
        await window.Page.GetByLabel("Country").SelectOptionAsync("DE");
        await window.Page.GetByLabel("Email").FillAsync($"owner@{slug}.example");
        await window.Page.GetByLabel("Password").FillAsync(Password);
        await window.Page.GetByLabel("I accept the").CheckAsync();
        await window.PressAsync("Sign up");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("Check your email");
        var mail = (await Server.MailsAsync()).Last(mail => mail.To == $"owner@{slug}.example");
        await window.GoAsync(mail.Link("verify").ToString());
    }

    static async Task SignInAsync(Window window, string slug)
    {
        await window.GoAsync("/login");
        await window.Page.GetByLabel("Email").FillAsync($"owner@{slug}.example");
        await window.Page.GetByLabel("Password").FillAsync(Password);
        await window.PressAsync("Sign in");
        await Assertions.Expect(window.Page.Locator("h1")).ToContainTextAsync(slug);
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

    // Limits for all users and for one user, an alert, a failed delivery and a pending one.
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

        await Server.RunJobAsync("outbox");
        (await Server.Operator.PutAsJsonAsync($"/v1/admin/tenants/{tenant.Id}/limits", new { tokens_per_day = 750_000, reason = "Ticket 4711: launch week" })).EnsureSuccessStatusCode();
    }

    // Replaces the worker, on whose speed a test must not depend.
    async Task SetStateAsync(Guid tenant, string state)
    {
        await using var transaction = await Server.Database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync("update control.environment set state = $2 where tenant_id = $1", CancellationToken.None, tenant, state);
        await transaction.CommitAsync(CancellationToken.None);
    }

    static Task<string> FocusedAsync(Window window, string property) =>
        window.Page.EvaluateAsync<string>($"() => String(document.activeElement.{property} ?? '').trim()");
}
