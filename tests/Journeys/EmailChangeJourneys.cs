using System.Net;

namespace ControlPlane.Tests;

public sealed class EmailChangeJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task A_new_address_counts_once_its_link_is_confirmed_and_the_former_one_is_told()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        var next = person with { Email = $"next@{person.Slug}.example" };
        using var browser = await person.SignInAsync(_server);
        Assert.Equal(HttpStatusCode.BadRequest, (await RequestAsync(browser, next.Email, "not the password")).StatusCode);
        Assert.Empty(await next.MailsAsync(_server));
        Assert.Equal("/app/account", (await RequestAsync(browser, next.Email, person.Password)).RequestMessage!.RequestUri!.AbsolutePath);

        var link = await next.LinkAsync(_server, "/email");
        Assert.Contains(next.Email, await _server.Anonymous.GetStringAsync(link.PathAndQuery), StringComparison.Ordinal);
        Assert.True(await SignsInAsync(person));
        Assert.False(await SignsInAsync(next));

        using var elsewhere = _server.NewVisitor();
        var uses = new List<HttpStatusCode>();
        for (var i = 0; i < 2; i++)
        {
            uses.Add((await elsewhere.SubmitAsync("/forgot", "/email", ("token", Person.TokenOf(link)), ("password", person.Password))).StatusCode);
        }

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Gone], uses);
        Assert.False(await SignsInAsync(person));
        Assert.True(await SignsInAsync(next));
        Assert.Single(await person.MailsAsync(_server), mail => mail.Subject == "Your email address was changed");
    }

    [Fact]
    public async Task An_address_of_another_account_gets_the_same_answer_and_cannot_be_taken()
    {
        var (person, other) = (Person.New(), Person.New());
        await person.CompleteAsync(_server);
        await other.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        var reply = await RequestAsync(browser, other.Email, person.Password);
        Assert.Equal("/app/account?done=email", reply.RequestMessage!.RequestUri!.PathAndQuery);

        var link = await other.LinkAsync(_server, "/email");
        Assert.Equal(HttpStatusCode.Conflict, (await browser.SubmitAsync("/forgot", "/email", ("token", Person.TokenOf(link)), ("password", person.Password))).StatusCode);
        Assert.True(await SignsInAsync(person));
        Assert.True(await SignsInAsync(other));
    }

    [Fact]
    public async Task Whoever_gets_the_link_cannot_confirm_the_address_for_a_stranger()
    {
        var (stranger, victim) = (Person.New(), Person.New());
        await stranger.CompleteAsync(_server);
        using var browser = await stranger.SignInAsync(_server);
        await RequestAsync(browser, victim.Email, stranger.Password);

        var link = await victim.LinkAsync(_server, "/email");
        using var elsewhere = _server.NewVisitor();
        Assert.Equal(HttpStatusCode.BadRequest, (await elsewhere.SubmitAsync("/forgot", "/email", ("token", Person.TokenOf(link)))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await elsewhere.SubmitAsync("/forgot", "/email", ("token", Person.TokenOf(link)), ("password", "a guess"))).StatusCode);
        Assert.True(await SignsInAsync(stranger));
    }

    [Fact]
    public async Task A_corrected_address_gets_its_link_at_once()
    {
        var (person, wrong, right) = (Person.New(), Person.New(), Person.New());
        await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        foreach (var address in (Person[])[wrong, right])
        {
            await RequestAsync(browser, address.Email, person.Password);
            Assert.Single(await address.MailsAsync(_server));
        }
    }

    static Task<HttpResponseMessage> RequestAsync(HttpClient browser, string email, string password) =>
        browser.SubmitAsync("/app/account", "/app/account", ("email", email), ("password", password));

    async Task<bool> SignsInAsync(Person person)
    {
        using var browser = await person.SignInAsync(_server);
        return (await browser.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath == "/app/keys";
    }
}
