using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>One person, several tenants, one password; and when sessions end.</summary>
public sealed class MembershipJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task An_invited_person_with_an_account_joins_keeps_the_password_and_switches()
    {
        var person = Person.New();
        var own = await person.CompleteAsync(_server);
        var other = await _server.CreateTenantAsync();
        await InviteAsync(other.Id, person.Email, "viewer");
        using var browser = await person.SignInAsync(_server);
        Assert.DoesNotContain("/app/organizations", await browser.GetStringAsync("/app/keys"), StringComparison.Ordinal);

        var link = await person.LinkAsync(_server, "/invite");
        var page = await browser.GetStringAsync(link.PathAndQuery);
        Assert.Contains($"Join Organization {other.Slug}", page, StringComparison.Ordinal);
        Assert.DoesNotContain("type=\"password\"", page, StringComparison.Ordinal);
        Assert.True(await IsInvitedAsync(other.Id, person.Email));
        await browser.SubmitAsync(link.PathAndQuery, "/invite", ("token", Person.TokenOf(link)));
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(link.PathAndQuery)).StatusCode);

        Assert.False(await IsInvitedAsync(other.Id, person.Email));
        Assert.Equal(own, await TenantAsync(browser));
        await SwitchAsync(browser, other.Id);
        Assert.Equal(other.Id, await TenantAsync(browser));
        Assert.Contains(">Organization " + other.Slug + "</a>", await browser.GetStringAsync("/app/keys"), StringComparison.Ordinal);
        // The role is that of the tenant: here the person only reads.
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.SubmitAsync("/app/members", "/app/members", ("email", "x@example.com"), ("role", "owner"))).StatusCode);
        // The next sign-in continues where the last one was.
        using var again = await person.SignInAsync(_server);
        Assert.Equal(other.Id, await TenantAsync(again));
    }

    [Fact]
    public async Task A_second_signup_with_one_address_adds_a_tenant_and_keeps_the_first_password()
    {
        var first = Person.New();
        var second = first with { Slug = Names.Random("s"), Password = "chosen at the second signup" };
        var tenants = new[] { await first.CompleteAsync(_server), Guid.Empty };
        await second.SendAsync(_server);
        var link = await second.LinkAsync(_server, "/v1/verify");
        tenants[1] = (await Person.VerifyAsync(_server, link)).GetProperty("tenant_id").GetGuid();

        using var wrong = await second.SignInAsync(_server);
        Assert.Equal("/login", (await wrong.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath);
        using var browser = await first.SignInAsync(_server);
        foreach (var tenant in tenants)
        {
            await SwitchAsync(browser, tenant);
            Assert.Equal(tenant, await TenantAsync(browser));
        }
    }

    [Fact]
    public async Task A_reset_changes_the_password_for_all_tenants_and_ends_the_sessions_of_all()
    {
        var (person, tenants) = await TwoTenantsAsync();
        using var one = await person.SignInAsync(_server);
        using var two = await person.SignInAsync(_server);
        await SwitchAsync(one, tenants[0]);
        await SwitchAsync(two, tenants[1]);
        await one.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var link = await person.LinkAsync(_server, "/reset");
        const string next = "a new and better password";
        await one.SubmitAsync(link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", next));

        Assert.False(await IsSignedInAsync(one));
        Assert.False(await IsSignedInAsync(two));
        using var fresh = await person.SignInAsync(_server, next);
        foreach (var tenant in tenants)
        {
            await SwitchAsync(fresh, tenant);
            Assert.Equal(tenant, await TenantAsync(fresh));
        }
    }

    [Fact]
    public async Task Switching_to_a_tenant_of_others_is_refused_and_a_used_token_of_a_session_ends()
    {
        var (person, tenants) = await TwoTenantsAsync();
        var stranger = await _server.CreateTenantAsync();
        await InviteAsync(stranger.Id, person.Email, "owner");
        using var browser = await person.SignInAsync(_server);
        foreach (var tenant in (Guid[])[stranger.Id, Ids.New(TimeProvider.System)])
        {
            Assert.Equal(HttpStatusCode.NotFound, (await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", tenant.ToString()))).StatusCode);
            Assert.True(await IsSignedInAsync(browser));
        }

        var before = await SessionsAsync(person.Email);
        await SwitchAsync(browser, tenants[0]);
        await SwitchAsync(browser, tenants[1]);
        Assert.Equal(before, await SessionsAsync(person.Email));
    }

    [Fact]
    public async Task Switching_to_the_current_tenant_changes_and_records_nothing()
    {
        var (person, tenants) = await TwoTenantsAsync();
        using var browser = await person.SignInAsync(_server);
        await SwitchAsync(browser, tenants[0]);
        var before = await CountAsync(Recorded, tenants[0]);
        for (var i = 0; i < 3; i++)
        {
            using var reply = await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", tenants[0].ToString()));
            Assert.Equal("/app", reply.RequestMessage!.RequestUri!.AbsolutePath);
        }

        Assert.Equal(before, await CountAsync(Recorded, tenants[0]));
        Assert.Equal(tenants[0], await TenantAsync(browser));
        await SwitchAsync(browser, tenants[1]);
        await SwitchAsync(browser, tenants[0]);
        Assert.Equal(before + 1, await CountAsync(Recorded, tenants[0]));
    }

    [Fact]
    public async Task An_operator_creates_a_tenant_for_an_address_that_has_an_account()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        var created = await _server.Services.GetRequiredService<CreateTenant>().RunAsync(
            new CreateTenantRequest { Plan = "basic", Tenant = new() { Organization = "Second", Slug = Names.Random("s"), Email = person.Email, Country = "DE" } }, "operator", default);
        var tenant = Assert.IsType<CreateTenantResult.Created>(created).Tenant;
        var link = await person.LinkAsync(_server, "/invite");
        using var browser = await person.SignInAsync(_server);
        await browser.SubmitAsync(link.PathAndQuery, "/invite", ("token", Person.TokenOf(link)));
        await SwitchAsync(browser, tenant);
        Assert.Equal(tenant, await TenantAsync(browser));
    }

    [Theory]
    [InlineData("update control.member_session set last_seen_at = now() - interval '13 hours' where tenant_id = $1")]
    [InlineData("update control.member_session set expires_at = now() where tenant_id = $1")]
    [InlineData("update control.tenant set status = 'deleted' where id = $1")]
    [InlineData("delete from control.member where tenant_id = $1")]
    public async Task A_session_ends_after_inactivity_at_its_expiry_and_with_its_member_or_tenant(string ending)
    {
        var person = Person.New();
        var tenant = await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        await ExecuteAsync("update control.member_session set last_seen_at = now() - interval '11 hours' where tenant_id = $1", tenant);
        Assert.True(await IsSignedInAsync(browser));
        Assert.Equal(1, await CountAsync("select count(*) from control.member_session where tenant_id = $1 and last_seen_at > now() - interval '1 minute'", tenant));

        await ExecuteAsync(ending, tenant);
        Assert.False(await IsSignedInAsync(browser));
    }

    const string Recorded = "select count(*) from control.audit_log where tenant_id = $1 and action = 'member.signed_in'";

    async Task<(Person Person, Guid[] Tenants)> TwoTenantsAsync()
    {
        var person = Person.New();
        var second = person with { Slug = Names.Random("s") };
        var first = await person.CompleteAsync(_server);
        await second.SendAsync(_server);
        var link = await second.LinkAsync(_server, "/v1/verify");
        return (person, [first, (await Person.VerifyAsync(_server, link)).GetProperty("tenant_id").GetGuid()]);
    }

    async Task InviteAsync(Guid tenant, string email, string role) => Assert.IsType<InviteMemberResult.Invited>(
        await _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, email, role, "test", default));

    async Task<bool> IsInvitedAsync(Guid tenant, string email) =>
        (await _server.Services.GetRequiredService<MemberList>().ListAsync(tenant, default)).Single(member => member.Email == email).Invited;

    static async Task SwitchAsync(HttpClient browser, Guid tenant)
    {
        if (await TenantAsync(browser) != tenant)
        {
            using var reply = await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", tenant.ToString()));
            Assert.Equal("/app", reply.RequestMessage!.RequestUri!.AbsolutePath);
        }
    }

    // The keys page shows the tenant's id.
    static async Task<Guid> TenantAsync(HttpClient browser) =>
        Guid.Parse(Regex.Match(await browser.GetStringAsync("/app/keys"), "X-Tenant-Id: ([0-9a-f-]{36})").Groups[1].Value);

    static async Task<bool> IsSignedInAsync(HttpClient browser) => (await browser.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath == "/app/keys";

    Task<long> SessionsAsync(string email) =>
        CountAsync("select count(*) from control.member_session s join control.member m on m.id = s.member_id where m.email = $1", email);

    async Task<long> CountAsync(string sql, object argument)
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        return await transaction.ScalarAsync<long>(sql, default, argument);
    }

    async Task ExecuteAsync(string sql, Guid tenant)
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        await transaction.ExecuteAsync(sql, default, tenant);
        await transaction.CommitAsync(default);
    }
}
