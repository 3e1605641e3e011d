using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Guesses at passwords elsewhere than at the sign-in, and what a burst of them costs others.</summary>
public sealed class PasswordGuessJourneys : IAsyncLifetime
{
    const int Attempts = 3;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(sandbox: false, settings:
    [
        new("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", "3"), new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"), new("CONTROLPLANE_LIMIT_SIGNINS", "1000"), Networks.BehindProxy,
    ]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_strangers_signup_with_the_address_of_an_account_does_not_start_its_count_again()
    {
        var victim = Person.New();
        await victim.CompleteAsync(_server);
        var own = victim with { Slug = Names.Random("s"), Password = "the password of a stranger" };
        using var stranger = _server.VisitorFrom("192.0.2.91");
        Assert.Equal(HttpStatusCode.Accepted, (await stranger.PostAsJsonAsync("/v1/signup", own.Fields)).StatusCode);
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i <= Attempts; i++)
        {
            if (i == Attempts - 1)
            {
                // The right password of the stranger's signup takes back its own attempt only.
                Assert.Equal(HttpStatusCode.Accepted, (await stranger.PostAsJsonAsync("/v1/signup", own.Fields)).StatusCode);
            }

            statuses.Add(await stranger.TrySignInAsync(victim.Email, $"guess number {i}"));
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.BadRequest, Attempts), HttpStatusCode.TooManyRequests], statuses);
    }

    [Fact]
    public async Task Guesses_at_the_password_of_a_session_count_for_the_person_in_all_tenants_and_as_sign_ins()
    {
        var person = Person.New();
        var second = person with { Slug = Names.Random("s") };
        await person.CompleteAsync(_server);
        await second.SendAsync(_server);
        var other = (await Person.VerifyAsync(_server, await second.LinkAsync(_server, "/v1/verify"))).GetProperty("tenant_id").GetGuid();
        using var browser = _server.VisitorFrom("192.0.2.92");
        await browser.TrySignInAsync(person.Email, person.Password);
        // A right one is no failure.
        Assert.Equal("/app/account", (await ChangeAsync(person.Password)).RequestMessage!.RequestUri!.AbsolutePath);
        for (var i = 0; i < Attempts; i++)
        {
            Assert.Contains("Incorrect password", await (await ChangeAsync("not the password")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", other.ToString()));
        Assert.Contains("Too many attempts", await (await ChangeAsync(person.Password)).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.TooManyRequests, await browser.TrySignInAsync(person.Email, person.Password));

        Task<HttpResponseMessage> ChangeAsync(string password) =>
            browser.SubmitAsync("/app/account", "/app/account", ("email", $"next@{person.Slug}.example"), ("password", password));
    }

    [Fact]
    public async Task A_burst_that_hashes_passwords_is_refused_in_part_and_another_network_is_served()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var client = _server.VisitorFrom("192.0.2.93");
        using var other = _server.VisitorFrom("198.51.100.93");
        var burst = Enumerable.Range(0, 150).Select(_ => client.PostAsJsonAsync("/v1/signup", Person.New().Fields)).ToList();

        Assert.Equal(HttpStatusCode.OK, await other.TrySignInAsync(person.Email, person.Password));
        var refused = (await Task.WhenAll(burst)).Where(reply => reply.StatusCode == HttpStatusCode.TooManyRequests).ToList();
        Assert.All(refused, reply => Assert.NotNull(reply.Headers.RetryAfter));
        var texts = await Task.WhenAll(refused.Select(reply => reply.Content.ReadAsStringAsync()));
        Assert.Contains(texts, text => text.Contains("Too many passwords", StringComparison.Ordinal));
    }

    [Fact]
    public async Task While_a_network_fills_its_places_a_known_device_there_signs_in_a_link_works_and_refused_attempts_do_not_count()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings:
        [
            new("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", "1000"), new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"), new("CONTROLPLANE_LIMIT_SIGNINS", "1000"), Networks.BehindProxy,
        ]);
        var person = Person.New();
        await person.CompleteAsync(server);
        using var known = server.VisitorFrom("192.0.2.94");
        await known.TrySignInAsync(person.Email, person.Password);
        await known.ForgetAsync(person.Email);
        var link = await person.LinkAsync(server, "/reset");
        await server.SqlAsync("delete from control.rate_counter");

        // A signup with the slug and a wrong password is a guess.
        var full = new TaskCompletionSource();
        using var stranger = server.VisitorFrom("192.0.2.94");
        stranger.Timeout = TimeSpan.FromMinutes(5);
        var burst = Enumerable.Range(0, 80).Select(GuessAsync).ToList();
        // As long as they are answered faster than they are sent.
        while (!full.Task.IsCompleted && burst.Count < 900)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5));
            burst.Add(GuessAsync(burst.Count));
        }

        await full.Task.WaitAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(HttpStatusCode.OK, await known.TrySignInAsync(person.Email, person.Password));
        using var owner = server.VisitorFrom("192.0.2.94");
        using var reset = await owner.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", "a password of their own"));
        Assert.Equal("/login?done=password", reset.RequestMessage!.RequestUri!.PathAndQuery);

        var statuses = await Task.WhenAll(burst);
        Assert.Equal(statuses.Count(status => status == HttpStatusCode.Conflict), await server.ReadAsync<long>("select sum(used)::bigint from control.rate_counter where scope = 'network'"));

        async Task<HttpStatusCode> GuessAsync(int number)
        {
            using var reply = await stranger.PostAsJsonAsync("/v1/signup", (person with { Password = $"guess number {number}" }).Fields);
            if (reply.StatusCode == HttpStatusCode.TooManyRequests)
            {
                full.TrySetResult();
            }

            return reply.StatusCode;
        }
    }
}
