using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Mails to an address are limited, and whoever knows the address cannot use up those that its owner asks for.</summary>
public sealed class MailLimitJourneys : IAsyncLifetime
{
    const int Mails = 2;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(sandbox: false, settings:
    [
        new("CONTROLPLANE_LIMIT_MAILS_PER_RECIPIENT", "2"), new("CONTROLPLANE_LIMIT_INVITATIONS", "4"), new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"),
        new("CONTROLPLANE_LIMIT_SIGNINS", "1000"), Networks.BehindProxy,
    ]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_stranger_with_three_networks_uses_up_neither_the_owners_signup_nor_the_way_to_a_new_password()
    {
        var victim = Person.New();
        for (var network = 1; network <= 3; network++)
        {
            using var stranger = _server.VisitorFrom($"192.0.2.{network}");
            var statuses = new List<HttpStatusCode>();
            for (var i = 0; i <= Mails; i++)
            {
                statuses.Add(await SignUpAsync(stranger, victim));
            }

            Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.Accepted, Mails), HttpStatusCode.TooManyRequests], statuses);
        }

        Assert.Equal(3 * Mails, (await victim.MailsAsync(_server)).Count);
        using var owner = _server.VisitorFrom("198.51.100.1");
        Assert.Equal(HttpStatusCode.Accepted, (await owner.PostAsJsonAsync("/v1/signup", victim.Fields)).StatusCode);
        await Person.VerifyAsync(_server, (await victim.MailsAsync(_server)).Single(mail => mail.Body.Contains(victim.Slug + ".", StringComparison.Ordinal)).Link("/v1/verify"));

        // Nor does an invitation depend on what others did.
        var tenant = await _server.CreateTenantAsync();
        Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(tenant.Id, victim.Email));
        for (var network = 1; network <= 3; network++)
        {
            await AskForLinksAsync($"192.0.2.{network}", victim);
        }

        var before = (await victim.MailsAsync(_server)).Count;
        await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        await owner.ForgetAsync(victim.Email);
        Assert.Equal(before + 1, (await victim.MailsAsync(_server)).Count);
    }

    [Fact]
    public async Task However_many_networks_ask_for_links_a_known_device_gets_one_and_the_owner_always_has_one_that_works()
    {
        var victim = Person.New();
        await victim.CompleteAsync(_server);
        using var known = _server.VisitorFrom("198.51.100.2");
        await known.TrySignInAsync(victim.Email, victim.Password);
        for (var network = 11; network <= 18; network++)
        {
            await AskForLinksAsync($"192.0.2.{network}", victim);
        }

        // The first link, and five networks' worth: no flood.
        var links = await ResetsAsync(victim);
        Assert.Equal(1 + (5 * Mails), links);
        using var unknown = _server.VisitorFrom("203.0.113.2");
        await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        await unknown.ForgetAsync(victim.Email);
        Assert.Equal(links, await ResetsAsync(victim));
        await known.ForgetAsync(victim.Email);
        Assert.Equal(links + 1, await ResetsAsync(victim));

        // Once no link works any more, there is a new one, whoever asks.
        await LetLinksAgeAsync(TimeSpan.FromHours(1));
        await unknown.ForgetAsync(victim.Email);
        Assert.Equal(links + 2, await ResetsAsync(victim));
        var link = await victim.LinkAsync(_server, "/reset");
        Assert.Equal(HttpStatusCode.OK, (await unknown.SubmitAsync(
            link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", "a new and better password"))).StatusCode);
    }

    [Fact]
    public async Task The_answer_to_a_signup_does_not_show_whether_the_address_asked_for_links_before()
    {
        var (known, unknown) = (Person.New(), Person.New());
        await known.CompleteAsync(_server);
        foreach (var person in (Person[])[known, unknown])
        {
            await AskForLinksAsync("192.0.2.30", person);
            using var stranger = _server.VisitorFrom("192.0.2.30");
            Assert.Equal(HttpStatusCode.Accepted, await SignUpAsync(stranger, person));
        }
    }

    [Fact]
    public async Task A_member_has_a_limited_number_of_links_that_work()
    {
        var person = Person.New();
        var tenant = await person.CompleteAsync(_server);
        for (var device = 0; device < 12; device++)
        {
            using var browser = _server.VisitorFrom("192.0.2.40");
            await browser.TrySignInAsync(person.Email, person.Password);
            await browser.ForgetAsync(person.Email);
            await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        }

        Assert.Equal(10, await _server.ReadAsync<long>(
            "select count(*) from control.member_token where tenant_id = $1 and purpose = 'reset' and used_at is null and expires_at > now()", tenant));
        var links = (await person.MailsAsync(_server)).Where(mail => mail.Subject == "Choose a new password").Select(mail => mail.Link("/reset")).ToList();
        Assert.Equal(HttpStatusCode.Gone, (await _server.Anonymous.GetAsync(links[0].PathAndQuery)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _server.Anonymous.GetAsync(links[^1].PathAndQuery)).StatusCode);
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

    [Fact]
    public async Task One_recipient_gets_a_limited_number_of_invitations_of_one_tenant()
    {
        var victim = Person.New();
        var (tenant, other) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync());
        for (var i = 0; i < Mails; i++)
        {
            Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(tenant.Id, victim.Email));
            await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        }

        var refused = Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(tenant.Id, victim.Email));
        Assert.Contains("too many invitations", refused.Errors["email"], StringComparison.Ordinal);
        Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(other.Id, victim.Email));
        Assert.Equal(Mails + 1, (await victim.MailsAsync(_server)).Count);
    }

    [Fact]
    public async Task Strangers_from_a_few_networks_or_tenants_keep_a_person_from_neither_a_signup_nor_an_invitation()
    {
        var victim = Person.New();
        for (var n = 1; n <= 5; n++)
        {
            using var stranger = _server.VisitorFrom($"192.0.2.{50 + n}");
            var tenant = await _server.CreateTenantAsync();
            for (var i = 0; i < Mails; i++)
            {
                Assert.Equal(HttpStatusCode.Accepted, await SignUpAsync(stranger, victim));
                Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(tenant.Id, victim.Email));
                await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
            }
        }

        // One mail beyond what all together may cause, where the person has no link: no flood.
        using var owner = _server.VisitorFrom("198.51.100.50");
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.TooManyRequests), (await SignUpAsync(owner, victim), await SignUpAsync(owner, victim)));
        var inviting = await _server.CreateTenantAsync();
        var invited = Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(inviting.Id, victim.Email));
        await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(inviting.Id, victim.Email));
        await _server.Services.GetRequiredService<RemoveMember>().RunAsync(inviting.Id, invited.Member, "test", default);
        Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(inviting.Id, victim.Email));
    }

    [Fact]
    public async Task A_new_address_has_a_count_of_its_own_and_the_person_sees_when_it_is_used_up()
    {
        var (person, next) = (Person.New(), Person.New());
        await person.CompleteAsync(_server);
        for (var n = 1; n <= 5; n++)
        {
            var tenant = await _server.CreateTenantAsync();
            for (var i = 0; i < Mails; i++)
            {
                await InviteAsync(tenant.Id, next.Email);
                await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
            }
        }

        using var browser = _server.VisitorFrom("198.51.100.60");
        await browser.TrySignInAsync(person.Email, person.Password);
        for (var i = 0; i < Mails; i++)
        {
            Assert.Equal("/app/account?done=email", (await ChangeAsync(browser, person, next.Email)).RequestMessage!.RequestUri!.PathAndQuery);
            await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        }

        Assert.Equal(Mails, (await next.MailsAsync(_server)).Count(mail => mail.Subject == "Confirm your new email address"));
        using var refused = await ChangeAsync(browser, person, next.Email);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("received too many requests today", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_has_a_limited_number_of_members_and_open_invitations()
    {
        var tenant = await _server.CreateTenantAsync();
        await _server.SqlAsync(
            "insert into control.member (id, tenant_id, email, role, created_at) select gen_random_uuid(), $1, 'm' || n || '@example.com', 'viewer', now() from generate_series(1, 98) n",
            tenant.Id);
        Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(tenant.Id, $"last@{tenant.Slug}.example"));
        Assert.Contains("100 members", Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(tenant.Id, "more@example.com")).Errors["email"], StringComparison.Ordinal);
    }

    static Task<HttpResponseMessage> ChangeAsync(HttpClient browser, Person person, string next) =>
        browser.SubmitAsync("/app/account", "/app/account", ("email", next), ("password", person.Password));

    /// <summary>Asks for links, more often than one network may, and with the pause that is needed between two.</summary>
    async Task AskForLinksAsync(string network, Person victim)
    {
        using var stranger = _server.VisitorFrom(network);
        for (var i = 0; i < Mails + 2; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await stranger.ForgetAsync(victim.Email));
            await LetLinksAgeAsync(TimeSpan.FromMinutes(2));
        }
    }

    Task LetLinksAgeAsync(TimeSpan age) =>
        _server.SqlAsync("update control.member_token set expires_at = greatest(expires_at - $1, case when $1 < interval '1 hour' then now() + interval '1 minute' else now() end)", age);

    /// <summary>A stranger signs up with the address of the victim.</summary>
    static async Task<HttpStatusCode> SignUpAsync(HttpClient stranger, Person victim) =>
        (await stranger.PostAsJsonAsync("/v1/signup", (victim with { Slug = Names.Random("s"), Password = "the password of a stranger" }).Fields)).StatusCode;

    async Task<int> ResetsAsync(Person person) => (await person.MailsAsync(_server)).Count(mail => mail.Subject == "Choose a new password");

    Task<InviteMemberResult> InviteAsync(Guid tenant, string email) =>
        _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, email, "viewer", "test", default);
}
