using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Export and erasure of a person's data.</summary>
public sealed class PersonJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    TestServer Server => shared.Server;

    [Fact]
    public async Task An_erased_person_is_gone_from_memberships_mail_and_usage_and_the_books_still_balance()
    {
        var tenant = await Server.CreateTenantAsync("premium");
        var person = await AddMemberAsync(tenant);
        await Server.ReportAsync(
            tenant,
            Deliveries.Event("a", Server.Clock.GetUtcNow(), prompt: 100, completion: 20, user: person),
            Deliveries.Event("b", Server.Clock.GetUtcNow(), prompt: 30, completion: 4, user: "user-of-person"),
            Deliveries.Event("c", Server.Clock.GetUtcNow(), prompt: 5, completion: 6, user: "another-user"));
        await Server.RunJobAsync("nightly");
        await Server.SqlAsync("insert into control.user_limit (tenant_id, user_id, updated_at) values ($1, 'user-of-person', now())", tenant.Id);
        var key = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = (string[])["chat"], user = "user-of-person" })).ReadAsync();
        var body = new { email = person.ToUpperInvariant(), users = new[] { new { tenant_id = tenant.Id, user = "user-of-person" } } };

        var export = await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/export", body)).ReadAsync();
        var erased = await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", body)).ReadAsync();

        Assert.Equal("viewer", Assert.Single(export.GetProperty("memberships").EnumerateArray()).GetProperty("role").GetString());
        Assert.Equal("Invitation", Assert.Single(export.GetProperty("mails").EnumerateArray()).GetProperty("subject").GetString());
        Assert.Equal([person, "user-of-person"], export.GetProperty("usage").EnumerateArray().Select(row => row.GetProperty("user").GetString()).Order(StringComparer.Ordinal));
        Assert.Empty(erased.GetProperty("under_way").EnumerateArray());
        Assert.Equal((1, 1, 2, 2), (erased.GetProperty("members").GetInt32(), erased.GetProperty("mails").GetInt32(), erased.GetProperty("users").GetInt32(), erased.GetProperty("events").GetInt32()));

        Assert.NotEqual(default, await Server.ReadAsync<DateTimeOffset>("select revoked_at from control.tenant_key where id = $1", key.GetProperty("id").GetGuid()));
        // In no row of any table, whatever its name.
        Assert.Empty(await Server.TablesWithAsync(person));
        Assert.Empty(await Server.TablesWithAsync("user-of-person"));
        var rows = await (await tenant.Http.GetAsync($"/v1/usage?from={Today()}&to={Tomorrow()}&group_by=user")).ReadAsync();
        Assert.Equal(
            [("another-user", 11L), ("erased", 34L), ("erased", 120L)],
            rows.GetProperty("items").EnumerateArray().Select(row => (row.GetProperty("user").GetString()!.StartsWith("erased-", StringComparison.Ordinal) ? "erased" : row.GetProperty("user").GetString()!, row.GetProperty("total_tokens").GetInt64()))
                .OrderBy(row => row.Item1, StringComparer.Ordinal).ThenBy(row => row.Item2));
        await Server.RunJobAsync("nightly");
        Assert.Equal(0, await Server.ReadAsync<long>("select count(*) from control.job_run where jsonb_array_length(coalesce(summary -> 'alerts', '[]')) > 0"));
        Assert.Equal(2, await Server.ReadAsync<long>("select sum((detail ->> 'events')::int) from control.audit_log where action = 'person.erased' and tenant_id = $1", tenant.Id));

        var again = await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", body)).ReadAsync();
        Assert.Equal((0, 0L), (again.GetProperty("members").GetInt32(), again.GetProperty("events").GetInt64()));
    }

    [Fact]
    public async Task The_only_owner_of_a_tenant_is_not_erased_before_the_tenant_is_deleted()
    {
        var tenant = await Server.CreateTenantAsync();
        var body = new { email = $"owner@{tenant.Slug}.example" };

        var refused = await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", body);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains(tenant.Slug, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        await Server.SqlAsync("update control.tenant set status = 'deleted' where id = $1", tenant.Id);
        Assert.Equal(1, (await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", body)).ReadAsync()).GetProperty("members").GetInt32());
    }

    [Fact]
    public async Task If_the_other_owner_is_removed_at_the_same_time_the_last_one_stays()
    {
        var tenant = await Server.CreateTenantAsync();
        var person = await AddMemberAsync(tenant, role: "owner");
        Task<HttpResponseMessage> erasing;
        await using (var removal = await Server.Database.BeginJobAsync(default))
        {
            // As RemoveMember does it.
            await removal.ExecuteAsync("select 1 from control.tenant where id = $1 for update", default, tenant.Id);
            await removal.ExecuteAsync("delete from control.member where tenant_id = $1 and email <> $2", default, tenant.Id, person);
            erasing = Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", new { email = person });
            while (!erasing.IsCompleted && await WaitingAsync() == 0)
            {
                await Task.Delay(20);
            }

            await removal.CommitAsync(default);
        }

        Assert.Equal(HttpStatusCode.Conflict, (await erasing).StatusCode);
        Assert.Equal(person, await Server.ReadAsync<string>("select email from control.member where tenant_id = $1", tenant.Id));
    }

    [Fact]
    public async Task A_tenant_that_is_busy_keeps_nothing_else_from_being_erased_and_the_job_finishes()
    {
        var (busy, free) = (await Server.CreateTenantAsync("premium"), await Server.CreateTenantAsync("premium"));
        var person = await AddMemberAsync(busy);
        foreach (var tenant in (TestTenant[])[busy, free])
        {
            await Server.ReportAsync(tenant, Deliveries.Event("a", Server.Clock.GetUtcNow(), user: person));
        }

        await using (var invoicing = await Server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, busy.Id);
            var erased = await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", new { email = person })).ReadAsync();
            Assert.Equal([busy.Id], erased.GetProperty("under_way").EnumerateArray().Select(tenant => tenant.GetGuid()));
            Assert.Equal((1, 1, 1), (erased.GetProperty("members").GetInt32(), erased.GetProperty("mails").GetInt32(), erased.GetProperty("events").GetInt32()));
        }

        // What was erased is on record, and only what was not is left.
        Assert.Equal(["erasure", "usage_counter", "usage_event"], (await Server.TablesWithAsync(person)).Select(table => table.Replace("control.", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(busy.Id, await Server.ReadAsync<Guid>("select tenant_id from control.usage_counter where user_id = $1", person));
        Assert.Equal(1, await Server.ReadAsync<long>("select (detail ->> 'events')::bigint from control.audit_log where action = 'person.erased' and tenant_id = $1", free.Id));

        Assert.Equal(1, (await Server.RunJobAsync("retention")).GetProperty("counts").GetProperty("erased_events").GetInt64());
        Assert.Empty(await Server.TablesWithAsync(person));
    }

    [Fact]
    public async Task A_tenant_whose_rows_are_locked_keeps_its_member_only_and_the_next_request_finishes()
    {
        var (busy, free) = (await Server.CreateTenantAsync("premium"), await Server.CreateTenantAsync("premium"));
        var person = await AddMemberAsync(busy);
        await Server.ReportAsync(free, Deliveries.Event("a", Server.Clock.GetUtcNow(), user: person));
        await using (var other = await Server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("select 1 from control.tenant where id = $1 for update", default, busy.Id);
            var refused = await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", new { email = person });
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter?.Delta);
            Assert.Equal(["member"], (await Server.TablesWithAsync(person)).Select(table => table.Replace("control.", "", StringComparison.Ordinal)));
        }

        Assert.Equal(1, (await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", new { email = person })).ReadAsync()).GetProperty("members").GetInt32());
        Assert.Empty(await Server.TablesWithAsync(person));
    }

    [Fact]
    public async Task Usage_is_erased_in_pieces_and_nothing_is_lost_when_more_arrives_between_two()
    {
        var tenant = await Server.CreateTenantAsync("premium");
        const string User = "user-in-pieces", Pseudonym = "erased-in-pieces";
        for (var n = 0; n < 5; n++)
        {
            await Server.ReportAsync(tenant, Deliveries.Event($"e{n}", Server.Clock.GetUtcNow(), prompt: 10, completion: 0, user: User));
        }

        await Server.RunJobAsync("nightly");
        Assert.Equal((2, false), await PieceAsync());
        await Server.ReportAsync(tenant, Deliveries.Event("late", Server.Clock.GetUtcNow(), prompt: 10, completion: 0, user: User));
        Assert.Equal((2, false), await PieceAsync());
        Assert.Equal((2, false), await PieceAsync());
        Assert.Equal((0, true), await PieceAsync());
        // After the last piece of the day, too.
        await Server.ReportAsync(tenant, Deliveries.Event("later", Server.Clock.GetUtcNow(), prompt: 10, completion: 0, user: User));
        Assert.Equal((1, true), await PieceAsync());

        Assert.Empty(await Server.TablesWithAsync(User));
        await Server.RunJobAsync("nightly");
        Assert.Equal(0, await Server.ReadAsync<long>("select count(*) from control.job_run where jsonb_array_length(coalesce(summary -> 'alerts', '[]')) > 0"));
        Assert.Equal("7 70, 7 70", await Server.ReadAsync<string>(
            "select concat_ws(', ', c.requests || ' ' || c.prompt_tokens, d.requests || ' ' || d.prompt_tokens) from control.usage_counter c join control.daily_usage d using (tenant_id, day, model, user_id) where tenant_id = $1 and user_id = $2",
            tenant.Id, Pseudonym));

        async Task<(int Events, bool IsFinished)> PieceAsync()
        {
            await using var transaction = await Server.Database.BeginJobAsync(default);
            var piece = await transaction.EraseUsagePieceAsync(tenant.Id, User, Pseudonym, maximum: 2, default);
            await transaction.CommitAsync(default);
            return piece;
        }
    }

    [Fact]
    public async Task Two_requests_at_the_same_time_erase_everything_once()
    {
        var tenants = new[] { await Server.CreateTenantAsync("premium"), await Server.CreateTenantAsync("premium"), await Server.CreateTenantAsync("premium") };
        var person = await AddMemberAsync(tenants[0]);
        foreach (var tenant in tenants)
        {
            await Server.ReportAsync(tenant, Deliveries.Event("a", Server.Clock.GetUtcNow(), user: person));
        }

        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
            await (await Server.Operator.PostAsJsonAsync("/v1/admin/people/erase", new { email = person })).ReadAsync()));

        Assert.Equal((1, 1, 3), (replies.Sum(reply => reply.GetProperty("members").GetInt32()), replies.Sum(reply => reply.GetProperty("mails").GetInt32()), replies.Sum(reply => reply.GetProperty("events").GetInt32())));
        Assert.Empty(await Server.TablesWithAsync(person));
    }

    [Theory]
    [InlineData("""{"email":"nobody"}""", "email")]
    [InlineData("""{"email":"a@example.org","users":[{"user":"u"}]}""", "users")]
    [InlineData("""{"email":"a@example.org","users":[null]}""", "users")]
    public async Task An_incomplete_request_is_refused(string body, string field)
    {
        foreach (var action in new[] { "export", "erase" })
        {
            var reply = await Server.Operator.PostAsync($"/v1/admin/people/{action}", new StringContent(body, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")));
            Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
            Assert.True(JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement.GetProperty("errors").TryGetProperty(field, out _));
        }
    }

    [Fact]
    public async Task Only_operators_export_and_erase()
    {
        var tenant = await Server.CreateTenantAsync();
        foreach (var action in new[] { "export", "erase" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await Server.Anonymous.PostAsJsonAsync($"/v1/admin/people/{action}", new { email = "a@example.org" })).StatusCode);
            Assert.False((await tenant.Http.PostAsJsonAsync($"/v1/admin/people/{action}", new { email = "a@example.org" })).IsSuccessStatusCode);
        }
    }

    [Theory]
    [InlineData("prompt_tokens = 0")]
    [InlineData("user_id = 'another'")]
    [InlineData("user_id = 'erased-x', cost = 7")]
    public async Task Events_are_still_append_only_for_their_owner(string change)
    {
        var tenant = await Server.CreateTenantAsync();
        await Server.ReportAsync(tenant, Deliveries.Event("e", Server.Clock.GetUtcNow()));
        await using var database = NpgsqlDataSource.Create(Server.ConnectionString);
        await using var command = database.CreateCommand($"update control.usage_event set {change} where tenant_id = '{tenant.Id}'");
        Assert.Equal(PostgresErrorCodes.RestrictViolation, (await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync())).SqlState);
    }

    // A member with a mail, as after an invitation.
    async Task<string> AddMemberAsync(TestTenant tenant, string role = "viewer")
    {
        var email = $"person@{tenant.Slug}.example";
        await Server.SqlAsync(
            "insert into control.member (id, tenant_id, email, role, confirmed_at, created_at) values ($1, $2, $3, $4, now(), now())", Ids.New(Server.Clock), tenant.Id, email, role);
        await Server.SqlAsync(
            "insert into control.outbox (id, tenant_id, dedupe_key, recipient, subject, body, created_at, sent_at) values ($1, $2, $3, $4, 'Invitation', 'Text', now(), now())",
            Ids.New(Server.Clock), tenant.Id, $"test:{email}", email);
        return email;
    }

    /// <returns>Connections of jobs and operators that wait for a lock.</returns>
    async Task<long> WaitingAsync()
    {
        await using var owner = await Server.Database.OpenOwnerAsync(default);
        return await owner.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'control_job' and wait_event_type = 'Lock'", default);
    }

    string Today() => Server.Clock.GetUtcNow().ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    string Tomorrow() => Server.Clock.GetUtcNow().AddDays(1).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
