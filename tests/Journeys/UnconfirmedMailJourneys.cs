using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Strangers who sign up with invented addresses do not ruin the delivery of everyone's mail.</summary>
public sealed class UnconfirmedMailJourneys
{
    [Fact]
    public async Task Mail_to_unconfirmed_addresses_is_limited_per_network_and_in_total_and_accounts_still_get_theirs()
    {
        await using var server = await StartAsync(new("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS_PER_NETWORK", "2"), new("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS", "5"));
        var person = Person.New();
        await person.CompleteAsync(server);

        Assert.Equal([202, 202, 429], await SignUpsAsync(server, "192.0.2.1", 3));
        Assert.Equal([202, 202, 429], await SignUpsAsync(server, "192.0.2.2", 3));
        // The account's own signup is the fifth.
        Assert.Equal([429], await SignUpsAsync(server, "192.0.2.3", 1));
        using var visitor = server.VisitorFrom("192.0.2.1");
        await visitor.ForgetAsync(person.Email);
        Assert.Single(await person.MailsAsync(server), mail => mail.Subject == "Choose a new password");
    }

    [Fact]
    public async Task The_limit_counts_signups_with_known_addresses_too_so_that_its_answer_tells_nothing()
    {
        await using var server = await StartAsync(new KeyValuePair<string, string?>("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS_PER_NETWORK", "1"));
        var person = Person.New();
        await person.CompleteAsync(server);
        using var stranger = server.VisitorFrom("192.0.2.1");
        Assert.Equal(HttpStatusCode.Accepted, (await stranger.PostAsJsonAsync("/v1/signup", (person with { Slug = Names.Random("s") }).Fields)).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await stranger.PostAsJsonAsync("/v1/signup", (person with { Slug = Names.Random("s") }).Fields)).StatusCode);
    }

    [Fact]
    public async Task A_network_whose_signups_are_refused_causes_no_more_mail_and_others_do()
    {
        await using var smtp = new FakeSmtpServer { Replies = { ["RCPT"] = "550 No such user here" } };
        await using var server = await StartAsync(new KeyValuePair<string, string?>("CONTROLPLANE_SMTP", $"smtp://127.0.0.1:{smtp.Port}?tls=off"));
        Assert.Equal([202, 202, 202, 202, 202], await SignUpsAsync(server, "192.0.2.1", 5));
        await server.RunJobAsync("mail");
        // Without an enhanced code, the addresses themselves are not suppressed.
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.mail_suppression"));
        Assert.Equal(5, await server.ReadAsync<long>("select count(*) from control.outbox where dead_at is not null and attempts = 1"));

        // Refusals are counted over a day.
        using var visitor = server.VisitorFrom("192.0.2.1");
        using var stopped = await visitor.PostAsJsonAsync("/v1/signup", Person.New().Fields);
        Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromDays(1)), (stopped.StatusCode, stopped.Headers.RetryAfter?.Delta));
        Assert.Equal([202], await SignUpsAsync(server, "192.0.2.2", 1));
    }

    [Fact]
    public async Task Bounces_that_the_mail_service_reports_stop_a_network_and_a_tenant()
    {
        await using var server = await StartAsync();
        var tenant = await server.CreateTenantAsync();
        var invite = server.Services.GetRequiredService<InviteMember>();
        Assert.Equal([202, 202, 202, 202, 202], await SignUpsAsync(server, "192.0.2.1", 5));
        for (var n = 0; n < 5; n++)
        {
            Assert.IsType<InviteMemberResult.Invited>(await invite.RunAsync(tenant.Id, $"invented{n}@{tenant.Slug}.example", "viewer", "test", default));
        }

        await server.SqlAsync(
            """
            insert into control.mail_suppression (id, address, kind, reason, created_at)
            select gen_random_uuid(), lower(recipient), 'bounce', 'no such user', now() from control.outbox where dedupe_key ~ '^(verify|invite):' on conflict do nothing
            """);

        Assert.Equal([429], await SignUpsAsync(server, "192.0.2.1", 1));
        Assert.Equal([202], await SignUpsAsync(server, "192.0.2.2", 1));
        var refused = Assert.IsType<InviteMemberResult.Invalid>(await invite.RunAsync(tenant.Id, "another@example.com", "viewer", "test", default));
        Assert.Contains("could not be delivered", refused.Errors["email"], StringComparison.Ordinal);
        var other = await server.CreateTenantAsync();
        Assert.IsType<InviteMemberResult.Invited>(await invite.RunAsync(other.Id, "another@example.com", "viewer", "test", default));
    }

    [Fact]
    public async Task Tenants_of_strangers_use_up_neither_the_signups_nor_the_invitations_of_others_and_operators_are_told()
    {
        await using var server = await StartAsync(new("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS_PER_NETWORK", "8"), new("CONTROLPLANE_LIMIT_UNCONFIRMED_MAILS", "12"));
        var (first, second) = (await CompleteAsync(server, "192.0.2.1"), await CompleteAsync(server, "192.0.2.1"));
        // Each of them five, both together as many as the network may cause.
        Assert.Equal(5, await InviteAsync(server, first, 6));
        Assert.Equal(3, await InviteAsync(server, second, 6));
        Assert.Empty(await AlertedAsync(server));

        Assert.Equal(4, await InviteAsync(server, await CompleteAsync(server, "192.0.2.2"), 5));
        Assert.Equal(0, await InviteAsync(server, await CompleteAsync(server, "192.0.2.3"), 1));
        Assert.Equal("mails.unapproved_limited", await AlertedAsync(server));
        Assert.Equal("mails.unapproved_limited", await AlertedAsync(server));

        Assert.Equal([202], await SignUpsAsync(server, "192.0.2.4", 1));
        Assert.Equal(8, await InviteAsync(server, (await server.CreateTenantAsync()).Id, 9));
        await server.Operator.PostAsync($"/v1/admin/tenants/{first}/approve", content: null);
        Assert.Equal(3, await InviteAsync(server, first, 4));
    }

    [Fact]
    public async Task Refused_mail_that_is_no_invitation_does_not_keep_a_tenant_from_inviting()
    {
        await using var server = await StartAsync();
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync(
            """
            insert into control.outbox (id, tenant_id, dedupe_key, recipient, subject, body, created_at, attempts, dead_at)
            select gen_random_uuid(), $1, kind || ':' || n, n || kind || '@example.org', 's', 'b', now(), 1, now() from generate_series(1, 5) n, (values ('email'), ('invoice'), ('alert')) k (kind)
            """, tenant.Id);
        Assert.Equal(1, await InviteAsync(server, tenant.Id, 1));
    }

    [Fact]
    public async Task The_network_of_a_signup_is_kept_for_three_months_and_until_the_tenant_is_approved()
    {
        await using var server = await StartAsync();
        var (kept, old, approved) = (await CompleteAsync(server, "192.0.2.1"), await CompleteAsync(server, "192.0.2.1"), await CompleteAsync(server, "192.0.2.1"));
        await server.SqlAsync("update control.tenant set verified_at = verified_at - interval '98 days' where id = $1", old);
        (await server.Operator.PostAsync($"/v1/admin/tenants/{approved}/approve", content: null)).EnsureSuccessStatusCode();
        await server.RunJobAsync("retention");
        Assert.Equal(kept, await server.ReadAsync<Guid>("select id from control.tenant where signup_network = '192.0.2.1'"));
        Assert.Equal(1, await server.ReadAsync<long>("select count(*) from control.tenant where signup_network is not null"));
    }

    static async Task<Guid> CompleteAsync(TestServer server, string network)
    {
        var person = Person.New();
        using var visitor = server.VisitorFrom(network);
        var tenant = (await (await visitor.PostAsJsonAsync("/v1/signup", person.Fields)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        await Person.VerifyAsync(server, (await person.MailsAsync(server)).Single().Link("/v1/verify"));
        return tenant;
    }

    /// <returns>How many invitations were accepted.</returns>
    static async Task<int> InviteAsync(TestServer server, Guid tenant, int count)
    {
        var invited = 0;
        for (var n = 0; n < count; n++)
        {
            invited += await server.Services.GetRequiredService<InviteMember>().RunAsync(tenant, $"{Names.Random("m")}@example.com", "viewer", "test", default)
                is InviteMemberResult.Invited ? 1 : 0;
        }

        return invited;
    }

    /// <returns>What operators were told, by this run of the job or by one that the mail has started.</returns>
    static async Task<string> AlertedAsync(TestServer server)
    {
        await server.RunJobAsync("mail");
        return (await server.ReadAsync<string>("select coalesce(string_agg(action, ' '), '') from control.audit_log where action like 'mails.%limited'"))!;
    }

    static Task<TestServer> StartAsync(params KeyValuePair<string, string?>[] settings) =>
        TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNUPS", "1000"), Networks.BehindProxy, .. settings]);

    static async Task<List<int>> SignUpsAsync(TestServer server, string network, int count)
    {
        using var stranger = server.VisitorFrom(network);
        var statuses = new List<int>();
        for (var n = 0; n < count; n++)
        {
            statuses.Add((int)(await stranger.PostAsJsonAsync("/v1/signup", Person.New().Fields)).StatusCode);
        }

        return statuses;
    }
}
