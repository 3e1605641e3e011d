using System.Net;

namespace ControlPlane.Tests;

public sealed class SignInJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task An_unknown_address_and_a_wrong_password_get_the_same_response()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = _server.NewVisitor();
        var wrong = await browser.SubmitAsync("/login", "/login", ("email", person.Email), ("password", "not the password"));
        var unknown = await browser.SubmitAsync("/login", "/login", ("email", "nobody@example.com"), ("password", "not the password"));

        Assert.Equal(wrong.StatusCode, unknown.StatusCode);
        Assert.Equal(await ProblemAsync(wrong), await ProblemAsync(unknown));
        Assert.False(await IsSignedInAsync(browser));
    }

    [Fact]
    public async Task An_international_address_signs_in_with_its_domain_in_either_form()
    {
        var slug = Names.Random("s");
        var typed = new Person($"jürgen@{slug}-müller.example", slug);
        var stored = typed with { Email = EmailAddress.Normalize(typed.Email)! };
        await typed.SendAsync(_server);
        await Person.VerifyAsync(_server, Assert.Single(await stored.MailsAsync(_server)).Link("/v1/verify"));

        foreach (var person in (Person[])[typed, stored])
        {
            using var browser = await person.SignInAsync(_server);
            Assert.True(await IsSignedInAsync(browser));
        }
    }

    [Fact]
    public async Task Signing_in_redirects_to_our_own_pages_only()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        foreach (var (requested, expected) in new[] { ("/app/keys", "/app/keys"), ("//evil.example", "/app"), ("https://evil.example", "/app"), ("/app\\evil", "/app"), ("/application", "/app") })
        {
            using var browser = _server.NewVisitor();
            var page = await browser.SubmitAsync("/login", "/login", ("email", person.Email), ("password", person.Password), ("return", requested));
            Assert.Equal(expected, page.RequestMessage!.RequestUri!.AbsolutePath);
        }
    }

    [Fact]
    public async Task Signing_out_deletes_the_session_and_not_only_the_cookie()
    {
        var person = Person.New();
        var tenant = await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        Assert.True(await IsSignedInAsync(browser));
        Assert.Equal(1, await CountSessionsAsync(tenant));

        await browser.SubmitAsync("/app", "/logout");
        Assert.False(await IsSignedInAsync(browser));
        Assert.Equal(0, await CountSessionsAsync(tenant));
    }

    [Fact]
    public async Task A_password_reset_ends_every_session()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var laptop = await person.SignInAsync(_server);
        using var phone = await person.SignInAsync(_server);

        await laptop.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var link = (await person.MailsAsync(_server)).Single(mail => mail.Subject == "Choose a new password").Link("/reset").PathAndQuery;
        var token = link[(link.IndexOf('=', StringComparison.Ordinal) + 1)..];
        const string next = "a new and better password";
        Assert.Equal(HttpStatusCode.OK, (await laptop.SubmitAsync(link, "/reset", ("token", token), ("password", next))).StatusCode);

        Assert.False(await IsSignedInAsync(laptop));
        Assert.False(await IsSignedInAsync(phone));
        using var old = await person.SignInAsync(_server);
        Assert.False(await IsSignedInAsync(old));
        using var fresh = await person.SignInAsync(_server, next);
        Assert.True(await IsSignedInAsync(fresh));
        Assert.Equal(HttpStatusCode.Gone, (await laptop.SubmitAsync("/forgot", "/reset", ("token", token), ("password", next))).StatusCode);
    }

    [Fact]
    public async Task A_reset_request_reveals_nothing_and_sends_no_mail_to_unknown_addresses()
    {
        using var browser = _server.NewVisitor();
        var reply = await browser.SubmitAsync("/forgot", "/forgot", ("email", "nobody@example.com"));
        Assert.Equal("/forgot/done", reply.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.DoesNotContain(await _server.MailsAsync(), mail => mail.To.Contains("nobody@", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_invited_member_chooses_a_password_and_signs_in()
    {
        var tenant = await _server.CreateTenantAsync();
        var invited = new Person("colleague@example.com", tenant.Slug);
        Assert.IsType<InviteMemberResult.Invited>(await InviteAsync(tenant.Id, invited.Email, "viewer"));

        await AcceptAsync(invited);
        using var browser = await invited.SignInAsync(_server);
        Assert.True(await IsSignedInAsync(browser));
        Assert.IsType<InviteMemberResult.Invalid>(await InviteAsync(tenant.Id, invited.Email, "viewer"));
    }

    [Fact]
    public async Task Of_two_owners_who_remove_each_other_one_remains()
    {
        var tenant = await _server.CreateTenantAsync();
        var second = new Person("second@example.com", tenant.Slug);
        await InviteAsync(tenant.Id, second.Email, "owner");
        await AcceptAsync(second);
        var owners = await _server.Services.GetRequiredService<MemberList>().ListAsync(tenant.Id, CancellationToken.None);

        var remove = _server.Services.GetRequiredService<RemoveMember>();
        var results = await Task.WhenAll(owners.Select(owner => remove.RunAsync(tenant.Id, owner.Id, "test", CancellationToken.None)));
        Assert.Single(results.OfType<RemoveMemberResult.Removed>());
        Assert.Single(results.OfType<RemoveMemberResult.LastOwner>());
    }

    [Fact]
    public async Task An_operator_signs_in_with_the_key_and_signs_out()
    {
        using var browser = _server.NewVisitor();
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SubmitAsync("/admin/login", "/admin/login", ("key", "cpo_guess"))).StatusCode);
        var page = await browser.SubmitAsync("/admin/login", "/admin/login", ("key", _server.OperatorKey));
        Assert.Equal("/admin", page.RequestMessage!.RequestUri!.AbsolutePath);

        await browser.SubmitAsync("/admin", "/admin/logout");
        Assert.Equal("/admin/login", (await browser.GetAsync("/admin")).RequestMessage!.RequestUri!.AbsolutePath);
    }

    Task<InviteMemberResult> InviteAsync(Guid tenant, string email, string role) =>
        _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, email, role, "test", CancellationToken.None);

    async Task AcceptAsync(Person invited)
    {
        var link = (await invited.MailsAsync(_server)).First(mail => mail.Subject.StartsWith("Your access", StringComparison.Ordinal)).Link("/invite").PathAndQuery;
        using var browser = _server.NewVisitor();
        await browser.SubmitAsync(link, "/invite", ("token", link[(link.IndexOf('=', StringComparison.Ordinal) + 1)..]), ("password", invited.Password));
    }

    static async Task<bool> IsSignedInAsync(HttpClient browser) => (await browser.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath == "/app/keys";

    static async Task<string> ProblemAsync(HttpResponseMessage page)
    {
        var html = await page.Content.ReadAsStringAsync();
        var start = html.IndexOf("role=\"alert\"", StringComparison.Ordinal);
        return html[start..html.IndexOf("</p>", start, StringComparison.Ordinal)];
    }

    async Task<long> CountSessionsAsync(Guid tenant)
    {
        await using var transaction = await _server.Database.BeginAsync(tenant, CancellationToken.None);
        return await transaction.ScalarAsync<long>("select count(*) from control.member_session", CancellationToken.None);
    }
}
