namespace ControlPlane.Tests;

/// <summary>How many sessions a person has, and whose sessions end when a person's rights or credentials change.</summary>
public sealed class SessionJourneys
{
    [Fact]
    public async Task A_person_has_a_limited_number_of_sessions_and_the_one_that_was_not_used_for_longest_ends()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_LIMIT_SESSIONS", "3")]);
        var other = Person.New();
        await other.CompleteAsync(server);
        using var unaffected = await other.SignInAsync(server);
        var (person, tenants) = await TwoTenantsAsync(server);
        var browsers = new List<HttpClient>();
        for (var i = 0; i < 5; i++)
        {
            browsers.Add(await person.SignInAsync(server));
            // In both tenants: the limit is the person's.
            await SwitchAsync(browsers[i], tenants[i % 2]);
            await server.SqlAsync("update control.member_session set last_seen_at = last_seen_at - interval '5 minutes'");
            await IsSignedInAsync(browsers[0]);
        }

        // The first one is in use.
        bool[] expected = [true, false, false, true, true];
        Assert.Equal(expected, await Task.WhenAll(browsers.Select(IsSignedInAsync)));
        Assert.True(await IsSignedInAsync(unaffected));
        browsers.ForEach(browser => browser.Dispose());
    }

    [Fact]
    public async Task Concurrent_sign_ins_do_not_exceed_the_number_of_sessions()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_LIMIT_SESSIONS", "3")]);
        var person = Person.New();
        var tenant = await person.CompleteAsync(server);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ => (await person.SignInAsync(server)).Dispose()));
        Assert.Equal(3, await server.ReadAsync<long>("select count(*) from control.member_session where tenant_id = $1", tenant));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_new_role_or_a_removal_in_one_tenant_ends_the_sessions_there_and_no_others(bool removed)
    {
        await using var server = await TestServer.StartAsync();
        var (person, tenants) = await TwoTenantsAsync(server);
        var colleague = Person.New();
        await colleague.CompleteAsync(server);
        await JoinAsync(server, tenants[0], colleague, "owner");
        using var here = await person.SignInAsync(server);
        await SwitchAsync(here, tenants[0]);
        using var elsewhere = await person.SignInAsync(server);
        await SwitchAsync(elsewhere, tenants[1]);
        using var colleagues = await colleague.SignInAsync(server);
        await SwitchAsync(colleagues, tenants[0]);

        var member = await server.ReadAsync<Guid>("select id from control.member where tenant_id = $1 and email = $2", tenants[0], person.Email);
        if (removed)
        {
            Assert.IsType<RemoveMemberResult.Removed>(await server.Services.GetRequiredService<RemoveMember>().RunAsync(tenants[0], member, "test", default));
        }
        else
        {
            Assert.IsType<ChangeRoleResult.Changed>(await server.Services.GetRequiredService<ChangeRole>().RunAsync(tenants[0], member, "viewer", "test", default));
        }

        Assert.False(await IsSignedInAsync(here));
        Assert.True(await IsSignedInAsync(elsewhere));
        Assert.True(await IsSignedInAsync(colleagues));
    }

    [Fact]
    public async Task A_new_address_or_password_is_in_the_audit_log_of_every_tenant_of_the_person_and_no_other()
    {
        await using var server = await TestServer.StartAsync();
        var other = Person.New();
        await other.CompleteAsync(server);
        var (person, tenants) = await TwoTenantsAsync(server);
        await JoinAsync(server, tenants[0], other, "viewer");
        using var browser = await person.SignInAsync(server);
        await browser.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var reset = await person.LinkAsync(server, "/reset");
        const string next = "a new and better password";
        await browser.SubmitAsync(reset.PathAndQuery, "/reset", ("token", Person.TokenOf(reset)), ("password", next));

        using var again = await person.SignInAsync(server, next);
        var changed = person with { Email = $"next@{person.Slug}.example" };
        await again.SubmitAsync("/app/account", "/app/account", ("email", changed.Email), ("password", next));
        var link = await changed.LinkAsync(server, "/email");
        await again.SubmitAsync(link.PathAndQuery, "/email", ("token", Person.TokenOf(link)), ("password", next));

        foreach (var action in (string[])["password.reset", "member.email_changed"])
        {
            Assert.Equal(tenants.Order(), (await AuditedAsync(server, action)).Order());
        }
    }

    [Fact]
    public async Task Users_stay_signed_in_to_Open_WebUI_as_long_as_the_setting_says()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_CHAT_SESSION_HOURS", "3")]);
        var tenant = await server.CreateReadyTenantAsync();
        Assert.Matches("JWT_EXPIRES_IN: \"?3h\"?", await File.ReadAllTextAsync(Path.Combine(server.DataFolder, "environments", tenant.Id.ToString(), "compose.yaml")));
    }

    static async Task<IReadOnlyList<Guid>> AuditedAsync(TestServer server, string action)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        // The entry names the member of its own tenant.
        return await transaction.QueryAsync(
            "select a.tenant_id from control.audit_log a join control.member m on m.tenant_id = a.tenant_id and a.actor = 'member:' || m.id where a.action = $1",
            row => row.GetGuid(0), default, action);
    }

    static async Task<(Person Person, Guid[] Tenants)> TwoTenantsAsync(TestServer server)
    {
        var person = Person.New();
        var second = person with { Slug = Names.Random("s") };
        var first = await person.CompleteAsync(server);
        await second.SendAsync(server);
        return (person, [first, (await Person.VerifyAsync(server, await second.LinkAsync(server, "/v1/verify"))).GetProperty("tenant_id").GetGuid()]);
    }

    static async Task JoinAsync(TestServer server, Guid tenant, Person person, string role)
    {
        await server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, person.Email, role, "test", default);
        Assert.True(await server.Services.GetRequiredService<JoinTenant>().RunAsync(Person.TokenOf(await person.LinkAsync(server, "/invite")), default));
    }

    static Task<HttpResponseMessage> SwitchAsync(HttpClient browser, Guid tenant) =>
        browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", tenant.ToString()));

    static async Task<bool> IsSignedInAsync(HttpClient browser) => (await browser.GetAsync("/app/keys")).RequestMessage!.RequestUri!.AbsolutePath == "/app/keys";
}
