using System.Net;
using System.Net.Http.Headers;

namespace ControlPlane.Tests;

/// <summary>The links in mails: opening one changes nothing, and a signup is confirmed by the person who made it.</summary>
public sealed class VerifyJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task Opening_the_link_as_a_mail_scanner_does_confirms_nothing()
    {
        var person = Person.New();
        await person.SendAsync(_server);
        var link = await person.LinkAsync(_server, "/v1/verify");
        foreach (var accept in (string[])["text/html", "application/json", "*/*"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, link.PathAndQuery);
            request.Headers.Accept.ParseAdd(accept);
            using var reply = await _server.Anonymous.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
            Assert.Equal("pending", await StatusAsync(person));
        }

        await Person.VerifyAsync(_server, link);
        Assert.Equal("active", await StatusAsync(person));
    }

    [Fact]
    public async Task In_the_browser_that_signed_up_the_button_is_enough()
    {
        var person = Person.New();
        using var browser = _server.NewVisitor();
        await SignUpAsync(browser, person);
        var link = await person.LinkAsync(_server, "/v1/verify");

        var page = await browser.GetStringAsync(link.PathAndQuery);
        Assert.DoesNotContain("type=\"password\"", page, StringComparison.Ordinal);
        using var reply = await browser.SubmitAsync(link.PathAndQuery, "/v1/verify", ("token", Person.TokenOf(link)));

        Assert.Equal("/login?done=verified", reply.RequestMessage!.RequestUri!.PathAndQuery);
        Assert.Equal("active", await StatusAsync(person));
    }

    [Fact]
    public async Task In_another_browser_the_password_of_the_signup_is_needed()
    {
        var person = Person.New();
        await person.SendAsync(_server);
        var link = await person.LinkAsync(_server, "/v1/verify");
        using var other = _server.NewVisitor();
        // The cookie of another signup proves nothing about this one.
        await SignUpAsync(other, Person.New());
        Assert.Contains("type=\"password\"", await other.GetStringAsync(link.PathAndQuery), StringComparison.Ordinal);

        foreach (var guess in (string?[])[null, "", "not the password"])
        {
            (string, string)[] fields = guess is null ? [("token", Person.TokenOf(link))] : [("token", Person.TokenOf(link)), ("password", guess)];
            using var refused = await other.SubmitAsync(link.PathAndQuery, "/v1/verify", fields);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.Equal("pending", await StatusAsync(person));
        }

        using var reply = await other.SubmitAsync(link.PathAndQuery, "/v1/verify", ("token", Person.TokenOf(link)), ("password", person.Password));
        Assert.Equal("/login", reply.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal("active", await StatusAsync(person));
    }

    [Fact]
    public async Task A_form_from_another_site_confirms_nothing()
    {
        var person = Person.New();
        using var browser = _server.NewVisitor();
        await SignUpAsync(browser, person);
        using var form = new FormUrlEncodedContent([new("token", Person.TokenOf(await person.LinkAsync(_server, "/v1/verify")))]);

        Assert.Equal(HttpStatusCode.BadRequest, (await browser.PostAsync("/v1/verify", form)).StatusCode);
        Assert.Equal("pending", await StatusAsync(person));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData(null)]
    public async Task Only_a_request_that_no_form_or_link_can_send_confirms_with_the_token_alone(string? contentType)
    {
        var person = Person.New();
        await person.SendAsync(_server);
        using var json = new StringContent($$"""{"token": "{{Person.TokenOf(await person.LinkAsync(_server, "/v1/verify"))}}"}""");
        json.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);

        using var reply = await _server.Anonymous.PostAsync("/v1/verify", json);

        Assert.InRange((int)reply.StatusCode, 400, 415);
        Assert.Equal("pending", await StatusAsync(person));
    }

    [Fact]
    public async Task The_owner_of_an_address_that_a_stranger_signed_up_with_takes_the_account_over_with_a_password_of_their_own()
    {
        var stranger = Person.New() with { Password = "the password of a stranger" };
        await stranger.SendAsync(_server);
        using var owner = _server.NewVisitor();
        await owner.SubmitAsync("/forgot", "/forgot", ("email", stranger.Email));
        var link = await stranger.LinkAsync(_server, "/reset");
        const string own = "a password of their own";
        await owner.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", own), ("requested", "true"));

        Assert.Equal("active", await StatusAsync(stranger));
        using var signedIn = await stranger.SignInAsync(_server, own);
        Assert.Equal("/app/keys", (await signedIn.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath);
        using var locked = await stranger.SignInAsync(_server);
        Assert.Equal("/login", (await locked.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath);
        var mails = await stranger.MailsAsync(_server);
        // The stranger's link finds the tenant active and changes nothing.
        Assert.Equal("active", (await Person.VerifyAsync(_server, mails[0].Link("/v1/verify"))).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Opening_a_reset_link_changes_nothing_and_its_form_works_once()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        await browser.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var link = await person.LinkAsync(_server, "/reset");
        for (var opened = 0; opened < 3; opened++)
        {
            Assert.Equal(HttpStatusCode.OK, (await _server.Anonymous.GetAsync(link.PathAndQuery)).StatusCode);
        }

        Assert.Equal("/app/keys", (await browser.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath);
        var uses = await Task.WhenAll(Enumerable.Range(0, 5).Select(async i =>
        {
            using var visitor = _server.NewVisitor();
            return (await visitor.SubmitAsync("/forgot", "/reset", ("token", Person.TokenOf(link)), ("password", $"new password number {i}"))).StatusCode;
        }));
        Assert.Single(uses, HttpStatusCode.OK);
        Assert.All(uses.Where(status => status != HttpStatusCode.OK), status => Assert.Equal(HttpStatusCode.Gone, status));
    }

    static async Task SignUpAsync(HttpClient browser, Person person)
    {
        using var reply = await browser.SubmitAsync(
            "/", "/signup", ("organization", $"Organization {person.Slug}"), ("slug", person.Slug), ("plan", "trial"), ("country", "DE"), ("email", person.Email),
            ("password", person.Password), ("accept_terms", "true"));
        Assert.Equal("/signup/done", reply.RequestMessage!.RequestUri!.AbsolutePath);
    }

    async Task<string?> StatusAsync(Person person)
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        return await transaction.ScalarAsync<string>("select status from control.tenant where slug = $1", default, person.Slug);
    }
}
