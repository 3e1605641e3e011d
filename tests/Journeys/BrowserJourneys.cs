using System.Net.Http.Json;
using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>User journeys through the portal in a real browser.</summary>
[Trait("Category", Browser.Category)]
public sealed class BrowserJourneys(Browser browser) : IClassFixture<Browser>
{
    const string Password = "correct horse battery staple";

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
        await window.GoAsync("/app");
        await Assertions.Expect(window.Page.Locator(".state").First).ToContainTextAsync("ready (rendered)");
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
        await window.PressAsync("Yes, I signed up");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Your email address is confirmed");
    }

    static async Task SignInAsync(Window window, string slug)
    {
        await window.GoAsync("/login");
        await window.Page.GetByLabel("Email").FillAsync($"owner@{slug}.example");
        await window.Page.GetByLabel("Password").FillAsync(Password);
        await window.PressAsync("Sign in");
        await Assertions.Expect(window.Page.Locator("h1")).ToContainTextAsync(slug);
    }

    // Stands in for the worker, which must have finished with this tenant: a test must not depend on its speed.
    async Task SetStateAsync(Guid tenant, string state)
    {
        await using var transaction = await Server.Database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync("update control.environment set state = $2 where tenant_id = $1", CancellationToken.None, tenant, state);
        await transaction.CommitAsync(CancellationToken.None);
    }

    static Task<string> FocusedAsync(Window window, string property) =>
        window.Page.EvaluateAsync<string>($"() => String(document.activeElement.{property} ?? '').trim()");
}
