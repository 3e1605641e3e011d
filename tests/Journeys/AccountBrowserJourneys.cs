using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>The pages behind the links in mails, and switching between organizations, in a real browser without JavaScript.</summary>
[Trait("Category", Browser.Category)]
public sealed class AccountBrowserJourneys(Browser browser) : IClassFixture<Browser>
{
    TestServer Server => browser.Server;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_link_that_is_opened_in_another_browser_asks_for_the_password(bool phone)
    {
        var person = Person.New();
        await person.SendAsync(Server);
        var link = await person.LinkAsync(Server, "/v1/verify");
        await using var window = await browser.OpenAsync(javaScript: false, phone: phone);
        await window.GoAsync(link.ToString());
        await CheckAsync(window, $"verify{(phone ? "-phone" : "")}");
        await window.Page.GetByLabel("Password").FillAsync("not the password");
        await window.PressAsync("Yes, I signed up");
        await Assertions.Expect(window.Page.Locator(".error")).ToHaveTextAsync("Incorrect password.");
        await window.Page.GetByLabel("Password").FillAsync(person.Password);
        await window.PressAsync("Yes, I signed up");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Your email address is confirmed");
        await CheckAsync(window, $"verified{(phone ? "-phone" : "")}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_did_not_sign_up_declines_and_whoever_did_says_so_and_chooses_a_new_password(bool phone)
    {
        var suffix = phone ? "-phone" : "";
        var (stranger, person) = (Person.New(), Person.New());
        foreach (var signup in (Person[])[stranger, person])
        {
            await signup.SendAsync(Server);
            await Server.Services.GetRequiredService<RequestReset>().RunAsync(signup.Email, RequestOrigin.Network("192.0.2.1"), default);
        }

        await using var window = await browser.OpenAsync(javaScript: false, phone: phone);
        await window.GoAsync((await stranger.LinkAsync(Server, "/reset")).ToString());
        await CheckAsync(window, $"reset-signup{suffix}");
        await window.PressAsync("This wasn't me");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("The signup is deleted");
        await CheckAsync(window, $"declined{suffix}");

        await window.GoAsync((await person.LinkAsync(Server, "/reset")).ToString());
        await window.Page.GetByLabel("New password").FillAsync("a password of their own");
        await window.Page.GetByLabel("I signed up for this").CheckAsync();
        await window.PressAsync("Set password");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Your password has been changed.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_invited_person_joins_and_switches_between_organizations(bool phone)
    {
        var person = Person.New();
        await person.CompleteAsync(Server);
        var other = await Server.CreateTenantAsync();
        await Server.Services.GetRequiredService<InviteMember>().RunAsync(other.Id, person.Email, "billing", "test", default);
        var link = await person.LinkAsync(Server, "/invite");
        await using var window = await browser.OpenAsync(javaScript: false, phone: phone);

        await window.GoAsync(link.ToString());
        await CheckAsync(window, $"invitation{(phone ? "-phone" : "")}");
        await window.PressAsync("Accept invitation");
        await window.Page.GetByLabel("Email").FillAsync(person.Email);
        await window.Page.GetByLabel("Password").FillAsync(person.Password);
        await window.PressAsync("Sign in");
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync("Organizations");
        await CheckAsync(window, $"organizations{(phone ? "-phone" : "")}");
        // A first sign-in after the invitation opens the new one.
        await Assertions.Expect(window.Page.Locator("header .organization")).ToHaveTextAsync($"Organization {other.Slug}");
        await window.PressAsync($"Switch to Organization {person.Slug}");
        await Assertions.Expect(window.Page.Locator("header .organization")).ToHaveTextAsync($"Organization {person.Slug}");
        await Assertions.Expect(window.Page.Locator("h1")).ToContainTextAsync(person.Slug);
        await CheckAsync(window, $"switched{(phone ? "-phone" : "")}");
    }

    [Fact]
    public async Task An_owner_changes_the_role_of_a_member_who_then_has_to_sign_in_again()
    {
        var owner = Person.New();
        var tenant = await owner.CompleteAsync(Server);
        var member = Person.New();
        await member.CompleteAsync(Server);
        await Server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, member.Email, "viewer", "test", default);
        await Server.Services.GetRequiredService<JoinTenant>().RunAsync(Person.TokenOf(await member.LinkAsync(Server, "/invite")), default);
        await using var window = await browser.OpenAsync(javaScript: false);
        await browser.SignInAsync(window, tenant);
        using var visitor = await member.SignInAsync(Server);
        await visitor.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", tenant.ToString()));

        await window.GoAsync("/app/members");
        await window.Page.GetByLabel($"Role of {member.Email}", new() { Exact = true }).SelectOptionAsync("owner");
        await window.PressAsync($"Change the role of {member.Email}");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Role changed.");
        await CheckAsync(window, "members-roles");
        Assert.Equal("/login", (await visitor.GetAsync("/app")).RequestMessage!.RequestUri!.AbsolutePath);

        // Now there are two owners; the last one stays.
        await window.Page.GetByLabel($"Role of {member.Email}", new() { Exact = true }).SelectOptionAsync("viewer");
        await window.PressAsync($"Change the role of {member.Email}");
        await window.Page.GetByLabel($"Role of {owner.Email}", new() { Exact = true }).SelectOptionAsync("viewer");
        await window.PressAsync($"Change the role of {owner.Email}");
        await Assertions.Expect(window.Page.Locator(".problem")).ToContainTextAsync("This is the only owner.");
    }

    static async Task CheckAsync(Window window, string name)
    {
        Assert.Equal((name, 0), (name, await window.HorizontalOverflowAsync()));
        Assert.Equal((name, ""), (name, string.Join('\n', await window.LowContrastTextsAsync())));
        await window.ScreenshotAsync($"account-{name}");
    }
}
