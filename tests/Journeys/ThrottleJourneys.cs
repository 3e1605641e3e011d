using System.Net;

namespace ControlPlane.Tests;

/// <summary>Guessing passwords is limited, and keeps nobody out of their own account. Each client sends the network that a proxy would report.</summary>
public sealed class ThrottleJourneys : IAsyncLifetime
{
    const int Attempts = 3;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(sandbox: false, settings:
    [
        new("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", "3"), new("CONTROLPLANE_LIMIT_MAILS_PER_RECIPIENT", "2"), new("CONTROLPLANE_LIMIT_INVITATIONS", "4"),
        new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"), new("CONTROLPLANE_LIMIT_SIGNINS", "1000"), new("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true"),
    ]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Failures_count_per_account_and_network_whether_the_account_exists_or_not()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        foreach (var email in (string[])[person.Email, "nobody@example.com"])
        {
            using var guesser = From("192.0.2.1");
            var statuses = new List<HttpStatusCode>();
            for (var i = 0; i <= Attempts; i++)
            {
                statuses.Add(await TryAsync(guesser, i % 2 == 0 ? email : $" {email.ToUpperInvariant()} ", $"guess number {i}"));
            }

            Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.BadRequest, Attempts), HttpStatusCode.TooManyRequests], statuses);
        }

        // Not even the right password, from there; from elsewhere it signs in.
        using var same = From("192.0.2.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(same, person.Email, person.Password));
        using var other = From("198.51.100.1");
        Assert.Equal(HttpStatusCode.OK, await TryAsync(other, person.Email, person.Password));
    }

    [Fact]
    public async Task A_known_device_signs_in_while_guesses_from_many_networks_stop_unknown_ones()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var known = From("192.0.2.10");
        Assert.Equal(HttpStatusCode.OK, await TryAsync(known, person.Email, person.Password));
        for (var network = 1; network <= 6; network++)
        {
            using var guesser = From($"198.51.100.{network}");
            for (var i = 0; i < Attempts; i++)
            {
                await TryAsync(guesser, person.Email, "not the password");
            }
        }

        using var unknown = From("203.0.113.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(unknown, person.Email, person.Password));
        Assert.Equal(HttpStatusCode.OK, await TryAsync(known, person.Email, person.Password));

        // A known device is limited, too.
        for (var i = 0; i < Attempts; i++)
        {
            Assert.Equal(HttpStatusCode.BadRequest, await TryAsync(known, person.Email, "not the password"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(known, person.Email, person.Password));
    }

    [Fact]
    public async Task A_device_is_known_to_the_account_that_signed_in_on_it_and_its_cookie_cannot_be_forged()
    {
        var (person, victim) = (Person.New(), Person.New());
        await person.CompleteAsync(_server);
        await victim.CompleteAsync(_server);
        using var device = From("192.0.2.20");
        await TryAsync(device, person.Email, person.Password);
        for (var i = 0; i < Attempts; i++)
        {
            await TryAsync(device, victim.Email, "not the password");
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(device, victim.Email, victim.Password));

        using var forger = From("192.0.2.20");
        forger.DefaultRequestHeaders.Add("Cookie", "device=CfDJ8forged");
        using var reply = await forger.GetAsync("/login");
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(forger, victim.Email, victim.Password));
    }

    [Fact]
    public async Task A_password_reset_clears_the_count()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = From("192.0.2.30");
        for (var i = 0; i <= Attempts; i++)
        {
            await TryAsync(browser, person.Email, "not the password");
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(browser, person.Email, person.Password));
        await browser.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var link = (await person.MailsAsync(_server)).Single(mail => mail.Subject == "Choose a new password").Link("/reset");
        const string next = "a new and better password";
        await browser.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", next));

        Assert.Equal(HttpStatusCode.OK, await TryAsync(browser, person.Email, next));
    }

    [Fact]
    public async Task Concurrent_guesses_do_not_exceed_the_limit()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        var statuses = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var guesser = From("192.0.2.40");
            return await TryAsync(guesser, person.Email, $"guess number {i}");
        }));
        Assert.Equal(Attempts, statuses.Count(status => status == HttpStatusCode.BadRequest));
        Assert.Equal(12 - Attempts, statuses.Count(status => status == HttpStatusCode.TooManyRequests));
    }

    [Fact]
    public async Task One_recipient_gets_a_limited_number_of_mails_whoever_causes_them()
    {
        var victim = Person.New();
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(HttpStatusCode.Accepted, (await (victim with { Slug = Names.Random("s") }).SendAsync(_server)).StatusCode);
        }

        Assert.Equal(2, (await victim.MailsAsync(_server)).Count);
        var tenant = await _server.CreateTenantAsync();
        var refused = Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(tenant.Id, victim.Email));
        Assert.Contains("too many invitations", refused.Errors["email"], StringComparison.Ordinal);
        Assert.Equal(2, (await victim.MailsAsync(_server)).Count);
        // A stranger cannot use up the way to a new password.
        using var browser = From("192.0.2.50");
        await browser.SubmitAsync("/forgot", "/forgot", ("email", victim.Email));
        Assert.Equal(3, (await victim.MailsAsync(_server)).Count);
    }

    [Fact]
    public async Task One_tenant_sends_a_limited_number_of_invitations()
    {
        var tenant = await _server.CreateTenantAsync();
        var results = new List<InviteMemberResult>();
        for (var i = 0; i < 5; i++)
        {
            results.Add(await InviteAsync(tenant.Id, $"colleague{i}@{tenant.Slug}.example"));
        }

        Assert.Equal(4, results.OfType<InviteMemberResult.Invited>().Count());
        Assert.Contains("4 invitations", Assert.IsType<InviteMemberResult.Invalid>(results[^1]).Errors["email"], StringComparison.Ordinal);
    }

    HttpClient From(string network)
    {
        var client = _server.NewVisitor();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", network);
        return client;
    }

    static async Task<HttpStatusCode> TryAsync(HttpClient browser, string email, string password) =>
        (await browser.SubmitAsync("/login", "/login", ("email", email), ("password", password))).StatusCode;

    Task<InviteMemberResult> InviteAsync(Guid tenant, string email) =>
        _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, email, "viewer", "test", default);
}
