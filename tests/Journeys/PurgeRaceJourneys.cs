namespace ControlPlane.Tests;

/// <summary>What changes while it is being deleted is kept, if it is no longer what was to be deleted.</summary>
public sealed class PurgeRaceJourneys : IAsyncLifetime
{
    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_tenant_that_is_activated_while_old_signups_are_deleted_stays()
    {
        var tenant = await SignUpLongAgoAsync();
        await KeptWhileAsync(AccountRetention.Purges, "signups", "update control.tenant set status = 'active' where id = $1", tenant);
        Assert.Equal("active", await _server.ReadAsync<string>("select status from control.tenant where id = $1", tenant));
    }

    [Fact]
    public async Task A_member_who_is_confirmed_while_old_invitations_are_deleted_stays()
    {
        var tenant = await _server.CreateTenantAsync();
        var member = Ids.New(_server.Clock);
        await _server.SqlAsync(
            "insert into control.member (id, tenant_id, email, role, created_at) values ($1, $2, $1::text || '@example.com', 'viewer', now() - interval '1 year')", member, tenant.Id);
        await KeptWhileAsync(AccountRetention.Purges, "invitations", "update control.member set confirmed_at = now() where id = $1", member);
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.member where id = $1", member));
    }

    [Fact]
    public async Task An_email_that_is_to_be_sent_again_while_old_ones_are_deleted_stays()
    {
        var mail = Ids.New(_server.Clock);
        await _server.SqlAsync(
            """
            insert into control.outbox (id, dedupe_key, recipient, subject, body, created_at, next_attempt_at, dead_at)
            values ($1, 'test', 'a@example.com', 's', 'b', now() - interval '1 year', now() + interval '1 year', now() - interval '1 year')
            """,
            mail);
        await KeptWhileAsync(NotificationRetention.Purges, "mails", "update control.outbox set dead_at = null where id = $1", mail);
    }

    [Fact]
    public async Task A_link_to_choose_a_password_keeps_its_signup()
    {
        var tenant = await SignUpLongAgoAsync();
        await _server.SqlAsync(
            "insert into control.member_token (hash, tenant_id, member_id, purpose, expires_at) select 'h', tenant_id, id, 'reset', now() + interval '1 hour' from control.member where tenant_id = $1",
            tenant);
        Assert.Equal(0, await PurgeAsync(AccountRetention.Purges, "signups"));

        await _server.SqlAsync("update control.member_token set expires_at = now() - interval '8 days' where tenant_id = $1", tenant);
        Assert.Equal(1, await PurgeAsync(AccountRetention.Purges, "signups"));
    }

    async Task<Guid> SignUpLongAgoAsync()
    {
        var tenant = (await (await Person.New().SendAsync(_server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        await _server.SqlAsync("update control.member_token set expires_at = now() - interval '20 days' where tenant_id = $1", tenant);
        return tenant;
    }

    /// <summary>Deletes expired rows while another transaction changes the only one: it is kept.</summary>
    async Task KeptWhileAsync(IReadOnlyList<Purge> purges, string counter, string change, Guid id)
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await using var changing = await _server.Database.BeginJobAsync(default);
        await changing.ExecuteAsync(change, default, id);
        var purging = PurgeAsync(purges, counter);
        while (!await owner.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')", default))
        {
            Assert.False(purging.IsCompleted);
            await Task.Delay(20);
        }

        await changing.CommitAsync(default);
        Assert.Equal(0, await purging);
    }

    async Task<long> PurgeAsync(IReadOnlyList<Purge> purges, string counter) =>
        (await _server.Services.GetRequiredService<RunPurges>().RunAsync(purges, default)).Counts[counter];
}
