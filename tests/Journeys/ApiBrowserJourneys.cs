using System.Net;
using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>The API of an environment in the portal, in a real browser.</summary>
[Trait("Category", Browser.Category)]
public sealed class ApiBrowserJourneys(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task An_owner_finds_the_address_of_the_API_and_creates_a_key_for_it()
    {
        var tenant = await browser.Server.CreateReadyTenantAsync("basic");
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/environment");
        await Assertions.Expect(window.Page.GetByLabel("Example request")).ToContainTextAsync($"://api.{tenant.Slug}.users.");
        await window.ScreenshotAsync("environment-api");

        await window.GoAsync("/app/keys");
        await window.Page.GetByLabel("Name of the key").FillAsync("support bot");
        await window.Page.GetByLabel("User").FillAsync("support-bot");
        await window.PressAsync("Create API key");
        var key = (await window.Page.Locator("#secret").InnerTextAsync()).Trim();
        await Assertions.Expect(window.Page.GetByRole(AriaRole.Row, new() { Name = "support bot" })).ToContainTextAsync("chat as support-bot");
        await window.ScreenshotAsync("keys-api");
        await window.Page.GetByRole(AriaRole.Link, new() { Name = "support-bot" }).ClickAsync();
        await Assertions.Expect(window.Page.Locator("[name=user]").First).ToHaveValueAsync("support-bot");

        using var proxy = browser.Server.NewClient(key);
        Assert.Equal(HttpStatusCode.NoContent, (await proxy.GetAsync($"{DataPlaneOptions.KeyCheckPath}/{tenant.Id}")).StatusCode);
        Assert.Empty(window.ConsoleErrors);
    }
}
