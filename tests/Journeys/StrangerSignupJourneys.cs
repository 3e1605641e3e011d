using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>A stranger signs up with the address of a person, who sees what was requested and decides.</summary>
public sealed class StrangerSignupJourneys : IAsyncLifetime
{
    const string Own = "a password of their own";

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(settings: [Networks.BehindProxy]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Both_links_show_organization_plan_time_and_network_and_ask_for_a_decision()
    {
        var stranger = await SignUpAsync(Person.New());
        using var owner = _server.NewVisitor();
        await owner.ForgetAsync(stranger.Email);
        foreach (var path in (string[])["/v1/verify", "/reset"])
        {
            var page = WebUtility.HtmlDecode(await owner.GetStringAsync((await stranger.LinkAsync(_server, path)).PathAndQuery));
            foreach (var shown in (string[])[$"Organization {stranger.Slug}", stranger.Slug + ".", ">Basic<", "192.0.2.66", stranger.Email, "This wasn't me"])
            {
                Assert.Contains(shown, page, StringComparison.Ordinal);
            }

            Assert.Matches("<time datetime=", page);
        }
    }

    [Fact]
    public async Task A_new_password_alone_activates_nothing()
    {
        var stranger = await SignUpAsync(Person.New());
        using var owner = _server.NewVisitor();
        await owner.ForgetAsync(stranger.Email);
        var link = await stranger.LinkAsync(_server, "/reset");
        using var refused = await owner.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", Own));

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal("pending", await StatusAsync(stranger));
        Assert.Equal(HttpStatusCode.BadRequest, await owner.TrySignInAsync(stranger.Email, Own));

        // The link still works for whoever did sign up; the former password is replaced.
        using var accepted = await owner.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", Own), ("requested", "true"));
        Assert.Equal("active", await StatusAsync(stranger));
        Assert.Equal(HttpStatusCode.BadRequest, await owner.TrySignInAsync(stranger.Email, stranger.Password));
        Assert.Equal(HttpStatusCode.OK, await owner.TrySignInAsync(stranger.Email, Own));
        Assert.Null(await _server.ReadAsync<string>("select requested_from from control.tenant where slug = $1", stranger.Slug));
    }

    [Theory]
    [InlineData("/v1/verify")]
    [InlineData("/reset")]
    public async Task Declined_the_signup_is_deleted_with_its_links_and_the_slug_is_free(string path)
    {
        var (stranger, kept) = (await SignUpAsync(Person.New()), await SignUpAsync(Person.New()));
        using var owner = _server.NewVisitor();
        await owner.ForgetAsync(stranger.Email);
        var link = await stranger.LinkAsync(_server, path);
        var verify = await stranger.LinkAsync(_server, "/v1/verify");
        using var declined = await owner.SubmitAsync(link.PathAndQuery, "/signup/decline", ("token", Person.TokenOf(link)));

        Assert.Equal("/signup/declined", declined.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Null(await StatusAsync(stranger));
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Anonymous.GetAsync(verify.PathAndQuery)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, await owner.TrySignInAsync(stranger.Email, stranger.Password));
        Assert.Equal("pending", await StatusAsync(kept));
        Assert.Equal(HttpStatusCode.Accepted, (await (Person.New() with { Slug = stranger.Slug }).SendAsync(_server)).StatusCode);
    }

    [Fact]
    public async Task A_link_declines_nothing_once_the_signup_is_confirmed_and_never_without_the_form()
    {
        var person = Person.New();
        await person.SendAsync(_server);
        var link = await person.LinkAsync(_server, "/v1/verify");
        using var form = new FormUrlEncodedContent([new("token", Person.TokenOf(link))]);
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Anonymous.PostAsync("/signup/decline", form)).StatusCode);
        Assert.Equal("pending", await StatusAsync(person));

        await Person.VerifyAsync(_server, link);
        using var browser = _server.NewVisitor();
        await browser.ForgetAsync(person.Email);
        foreach (var used in (Uri[])[link, await person.LinkAsync(_server, "/reset")])
        {
            await browser.SubmitAsync("/login", "/signup/decline", ("token", Person.TokenOf(used)));
            Assert.Equal("active", await StatusAsync(person));
        }
    }

    [Fact]
    public async Task A_link_is_valid_for_one_signup_and_leaves_others_with_the_address_pending()
    {
        var person = Person.New();
        await person.SendAsync(_server);
        var own = await person.LinkAsync(_server, "/v1/verify");
        var stranger = await SignUpAsync(person with { Slug = Names.Random("s") });

        await Person.VerifyAsync(_server, own);
        Assert.Equal(("active", "pending"), (await StatusAsync(person), await StatusAsync(stranger)));
        // Now there is an account: a reset concerns nothing else.
        using var browser = _server.NewVisitor();
        await browser.ForgetAsync(person.Email);
        var link = await person.LinkAsync(_server, "/reset");
        await browser.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", Own), ("requested", "true"));
        Assert.Equal("pending", await StatusAsync(stranger));
    }

    [Theory]
    [InlineData("192.0.2.7", false)]
    [InlineData("192.0.2.8", true)]
    public async Task Signups_of_strangers_do_not_hide_the_one_of_the_person_who_forgot_its_password(string network, bool sameBrowser)
    {
        var own = Person.New();
        using var home = _server.VisitorFrom("192.0.2.7");
        await home.SubmitAsync(
            "/", "/signup", ("email", own.Email), ("organization", $"Organization {own.Slug}"), ("slug", own.Slug), ("plan", "basic"), ("country", "DE"), ("password", own.Password),
            ("accept_terms", "true"));
        for (var n = 0; n < 9; n++)
        {
            using var stranger = _server.VisitorFrom($"192.0.2.{100 + (n / 3)}");
            (await stranger.PostAsJsonAsync("/v1/signup", (own with { Slug = Names.Random("s"), Password = "the password of a stranger" }).Fields)).EnsureSuccessStatusCode();
        }

        using var elsewhere = _server.VisitorFrom(network);
        var requester = sameBrowser ? home : elsewhere;
        requester.DefaultRequestHeaders.Remove("X-Forwarded-For");
        requester.DefaultRequestHeaders.Add("X-Forwarded-For", network);
        await requester.ForgetAsync(own.Email);

        var page = WebUtility.HtmlDecode(await requester.GetStringAsync((await own.LinkAsync(_server, "/reset")).PathAndQuery));
        Assert.Contains($"Organization {own.Slug}", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_strangers_signup_does_not_hide_an_invitation()
    {
        var tenant = await _server.CreateTenantAsync();
        var invited = new Person($"colleague@{tenant.Slug}.example", Names.Random("s"));
        await _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant.Id, invited.Email, "viewer", "test", default);
        await SignUpAsync(invited);
        await _server.SqlAsync("update control.member_token set expires_at = expires_at - interval '2 minutes'");
        using var browser = _server.NewVisitor();
        await browser.ForgetAsync(invited.Email);

        Assert.Equal(2, (await invited.MailsAsync(_server)).Count(mail => mail.Body.Contains("/invite", StringComparison.Ordinal)));
        var link = await invited.LinkAsync(_server, "/invite");
        await browser.SubmitAsync(link.PathAndQuery, "/invite", ("token", Person.TokenOf(link)), ("password", Own));
        Assert.Equal(HttpStatusCode.OK, await browser.TrySignInAsync(invited.Email, Own));
        Assert.Equal("pending", await StatusAsync(invited));
    }

    [Fact]
    public async Task A_tag_in_the_name_of_an_organization_is_text_on_the_page()
    {
        var person = Person.New();
        using var stranger = _server.VisitorFrom("192.0.2.66");
        var fields = new { email = person.Email, organization = "<a href=//evil.example>Click</a>", slug = person.Slug, plan = "trial", country = "DE", password = Own, accept_terms = true };
        (await stranger.PostAsJsonAsync("/v1/signup", fields)).EnsureSuccessStatusCode();
        var page = await _server.Anonymous.GetStringAsync((await person.LinkAsync(_server, "/v1/verify")).PathAndQuery);
        Assert.DoesNotMatch(new Regex("<a[^>]*evil"), page);
    }

    [Fact]
    public async Task A_signup_in_a_known_browser_shows_its_network_too()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var known = _server.VisitorFrom("192.0.2.67");
        await known.TrySignInAsync(person.Email, person.Password);
        var second = Names.Random("s");
        using var reply = await known.SubmitAsync(
            "/", "/signup", ("email", person.Email), ("organization", "Second"), ("slug", second), ("plan", "trial"), ("country", "DE"), ("password", Own),
            ("accept_terms", "true"));

        Assert.Equal("/signup/done", reply.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal("192.0.2.67", await _server.ReadAsync<string>("select requested_from from control.tenant where slug = $1", second));
    }

    [Fact]
    public async Task A_known_device_gets_the_link_of_the_signup_from_its_network()
    {
        var own = Person.New();
        using var owner = _server.VisitorFrom("192.0.2.68");
        (await owner.PostAsJsonAsync("/v1/signup", own.Fields)).EnsureSuccessStatusCode();
        await SignUpAsync(own with { Slug = Names.Random("s") });

        await _server.Services.GetRequiredService<RequestReset>().RunAsync(own.Email, RequestOrigin.Device("device", "192.0.2.68"), default);

        Assert.Equal(own.Slug, await _server.ReadAsync<string>(
            "select t.slug from control.outbox o join control.tenant t on t.id = o.tenant_id where o.recipient = $1 and o.dedupe_key like 'reset:%'", own.Email));
    }

    [Fact]
    public async Task A_signup_that_is_never_confirmed_ends_however_often_a_link_is_asked_for()
    {
        var (old, recent) = (await SignUpAsync(Person.New()), await SignUpAsync(Person.New()));
        await _server.SqlAsync("update control.tenant set created_at = created_at - interval '38 days' where slug = $1", old.Slug);
        await _server.RunJobAsync("retention");
        Assert.Null(await StatusAsync(old));
        Assert.Equal("pending", await StatusAsync(recent));
    }

    /// <summary>With a paid plan, from a network of the stranger.</summary>
    async Task<Person> SignUpAsync(Person victim)
    {
        var signup = victim with { Password = "the password of a stranger", Plan = "basic" };
        using var stranger = _server.VisitorFrom("192.0.2.66");
        (await stranger.PostAsJsonAsync("/v1/signup", signup.Fields)).EnsureSuccessStatusCode();
        return signup;
    }

    Task<string?> StatusAsync(Person person) => _server.ReadAsync<string>("select status from control.tenant where slug = $1", person.Slug);
}
