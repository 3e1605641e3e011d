using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Guessing passwords is limited and locks no owner out of the account. Each client sends the network that a proxy would report.</summary>
public sealed class ThrottleJourneys : IAsyncLifetime
{
    const int Attempts = 3;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(sandbox: false, settings:
    [
        new("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", "3"), new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"), new("CONTROLPLANE_LIMIT_SIGNINS", "1000"), Networks.BehindProxy,
    ]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Failures_count_per_account_and_network_whether_the_account_exists_or_not()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        foreach (var email in (string[])[person.Email, "nobody@example.com"])
        {
            using var guesser = _server.VisitorFrom("192.0.2.1");
            var statuses = new List<HttpStatusCode>();
            for (var i = 0; i <= Attempts; i++)
            {
                statuses.Add(await guesser.TrySignInAsync(i % 2 == 0 ? email : $" {email.ToUpperInvariant()} ", $"guess number {i}"));
            }

            Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.BadRequest, Attempts), HttpStatusCode.TooManyRequests], statuses);
        }

        // Not even the right password, from there; from elsewhere it signs in.
        using var same = _server.VisitorFrom("192.0.2.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, await same.TrySignInAsync(person.Email, person.Password));
        using var other = _server.VisitorFrom("198.51.100.1");
        Assert.Equal(HttpStatusCode.OK, await other.TrySignInAsync(person.Email, person.Password));
    }

    [Fact]
    public async Task A_known_device_signs_in_while_guesses_from_many_networks_stop_unknown_ones()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var known = _server.VisitorFrom("192.0.2.10");
        Assert.Equal(HttpStatusCode.OK, await known.TrySignInAsync(person.Email, person.Password));
        for (var network = 1; network <= 6; network++)
        {
            using var guesser = _server.VisitorFrom($"198.51.100.{network}");
            for (var i = 0; i < Attempts; i++)
            {
                await guesser.TrySignInAsync(person.Email, "not the password");
            }
        }

        using var unknown = _server.VisitorFrom("203.0.113.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, await unknown.TrySignInAsync(person.Email, person.Password));
        Assert.Equal(HttpStatusCode.OK, await known.TrySignInAsync(person.Email, person.Password));

        // A known device is limited, too.
        for (var i = 0; i < Attempts; i++)
        {
            Assert.Equal(HttpStatusCode.BadRequest, await known.TrySignInAsync(person.Email, "not the password"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await known.TrySignInAsync(person.Email, person.Password));
    }

    [Fact]
    public async Task A_device_is_known_to_the_account_that_signed_in_on_it_and_its_cookie_cannot_be_forged()
    {
        var (person, victim) = (Person.New(), Person.New());
        await person.CompleteAsync(_server);
        await victim.CompleteAsync(_server);
        using var device = _server.VisitorFrom("192.0.2.20");
        await device.TrySignInAsync(person.Email, person.Password);
        for (var i = 0; i < Attempts; i++)
        {
            await device.TrySignInAsync(victim.Email, "not the password");
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await device.TrySignInAsync(victim.Email, victim.Password));

        using var forger = _server.VisitorFrom("192.0.2.20");
        forger.DefaultRequestHeaders.Add("Cookie", "device=CfDJ8forged");
        using var reply = await forger.GetAsync("/login");
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, await forger.TrySignInAsync(victim.Email, victim.Password));
    }

    [Fact]
    public async Task A_password_reset_clears_the_count()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = _server.VisitorFrom("192.0.2.30");
        for (var i = 0; i <= Attempts; i++)
        {
            await browser.TrySignInAsync(person.Email, "not the password");
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await browser.TrySignInAsync(person.Email, person.Password));
        await browser.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var link = (await person.MailsAsync(_server)).Single(mail => mail.Subject == "Choose a new password").Link("/reset");
        const string next = "a new and better password";
        await browser.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", next));

        Assert.Equal(HttpStatusCode.OK, await browser.TrySignInAsync(person.Email, next));
    }

    [Fact]
    public async Task Concurrent_guesses_do_not_exceed_the_limit()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        var statuses = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var guesser = _server.VisitorFrom("192.0.2.40");
            return await guesser.TrySignInAsync(person.Email, $"guess number {i}");
        }));
        Assert.Equal(Attempts, statuses.Count(status => status == HttpStatusCode.BadRequest));
        Assert.Equal(12 - Attempts, statuses.Count(status => status == HttpStatusCode.TooManyRequests));
    }

    [Fact]
    public async Task One_network_alone_does_not_use_up_what_an_account_takes_from_all_networks()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var guesser = _server.VisitorFrom("192.0.2.60");
        for (var i = 0; i < 6 * Attempts; i++)
        {
            await guesser.TrySignInAsync(person.Email, "not the password");
        }

        using var owner = _server.VisitorFrom("198.51.100.60");
        Assert.Equal(HttpStatusCode.OK, await owner.TrySignInAsync(person.Email, person.Password));
    }

    [Fact]
    public async Task Guesses_fill_the_table_up_to_a_limit_per_account_and_per_network()
    {
        var before = await CountersAsync();
        for (var network = 1; network <= 25; network++)
        {
            using var guesser = _server.VisitorFrom($"2001:db8:{network:x}::1");
            await guesser.TrySignInAsync("many-networks@example.com", "not the password");
        }

        // One row per network for all accounts, and five networks' worth for the account.
        Assert.Equal(25 + (5 * Attempts), await CountersAsync() - before);
        before = await CountersAsync();
        using var sprayer = _server.VisitorFrom("192.0.2.61");
        var statuses = new List<HttpStatusCode>();
        for (var account = 1; account <= 35; account++)
        {
            statuses.Add(await sprayer.TrySignInAsync($"one-network-{account}@example.com", "not the password"));
        }

        Assert.Equal(10 * Attempts, statuses.Count(status => status == HttpStatusCode.BadRequest));
        Assert.Equal(1 + (10 * Attempts), await CountersAsync() - before);
    }

    [Fact]
    public async Task Addresses_of_one_household_are_one_network()
    {
        for (var i = 0; i <= Attempts; i++)
        {
            using var guesser = _server.VisitorFrom($"2001:db8:ff:ab{i:x2}::{i + 1}");
            Assert.Equal(i < Attempts ? HttpStatusCode.BadRequest : HttpStatusCode.TooManyRequests, await guesser.TrySignInAsync("household@example.com", "a guess"));
        }
    }

    [Fact]
    public async Task After_a_reset_the_browser_is_known_and_signs_in_while_strangers_guess()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = _server.VisitorFrom("192.0.2.70");
        await browser.ForgetAsync(person.Email);
        var link = await person.LinkAsync(_server, "/reset");
        const string next = "a new and better password";
        await browser.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", next));
        for (var network = 1; network <= 6; network++)
        {
            using var guesser = _server.VisitorFrom($"203.0.113.{network}");
            for (var i = 0; i < Attempts; i++)
            {
                await guesser.TrySignInAsync(person.Email, "not the password");
            }
        }

        using var unknown = _server.VisitorFrom("192.0.2.71");
        Assert.Equal(HttpStatusCode.TooManyRequests, await unknown.TrySignInAsync(person.Email, next));
        Assert.Equal(HttpStatusCode.OK, await browser.TrySignInAsync(person.Email, next));
    }

    [Fact]
    public async Task A_browser_is_known_to_each_account_that_has_signed_in_on_it()
    {
        var (first, second) = (Person.New(), Person.New());
        await first.CompleteAsync(_server);
        await second.CompleteAsync(_server);
        using var shared = _server.VisitorFrom("192.0.2.80");
        await shared.TrySignInAsync(first.Email, first.Password);
        await shared.TrySignInAsync(second.Email, second.Password);
        using var neighbour = _server.VisitorFrom("192.0.2.80");
        foreach (var person in (Person[])[first, second])
        {
            for (var i = 0; i <= Attempts; i++)
            {
                await neighbour.TrySignInAsync(person.Email, "not the password");
            }

            Assert.Equal(HttpStatusCode.OK, await shared.TrySignInAsync(person.Email, person.Password));
        }
    }

    [Fact]
    public async Task Guesses_through_signups_count_as_sign_ins()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var guesser = _server.VisitorFrom("192.0.2.90");
        for (var i = 0; i < Attempts; i++)
        {
            Assert.Equal(HttpStatusCode.Conflict, (await guesser.PostAsJsonAsync("/v1/signup", (person with { Password = $"guess number {i}" }).Fields)).StatusCode);
        }

        // Not even the right password, from there, in either way; from elsewhere it is a repetition of the signup.
        Assert.Equal(HttpStatusCode.Conflict, (await guesser.PostAsJsonAsync("/v1/signup", person.Fields)).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, await guesser.TrySignInAsync(person.Email, person.Password));
        using var owner = _server.VisitorFrom("198.51.100.90");
        Assert.Equal(HttpStatusCode.Accepted, (await owner.PostAsJsonAsync("/v1/signup", person.Fields)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await owner.TrySignInAsync(person.Email, person.Password));
    }

    Task<long> CountersAsync() => _server.ReadAsync<long>("select count(*) from control.rate_counter where scope in ('sign_in', 'network')");
}
