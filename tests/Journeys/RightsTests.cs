using Npgsql;

namespace ControlPlane.Tests;

/// <summary>No statement runs with the rights of the login, which is a member of several roles in these tests.</summary>
public sealed class RightsTests : IAsyncLifetime
{
    const string CurrentUser = "select current_user::text";

    static readonly Guid Tenant = Guid.Parse("01890000-0000-7000-8000-000000000001");

    readonly string _login = Names.Random("login");
    string _owner = null!;
    ControlDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _owner = await TestCluster.NewDatabaseAsync();
        await OwnerAsync($"create role {_login} login createrole password 'secret'");
        await OwnerAsync($"grant control_app, control_job, control_provision to {_login}");
        _database = Open(new NpgsqlConnectionStringBuilder(_owner) { Username = _login, Password = "secret" });
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        await TestCluster.DropAsync(_owner, [_login]);
    }

    public static TheoryData<string, string> Begins => new()
    {
        { "tenant", "control_app" }, { "anonymous", "control_app" }, { "app session", "control_app" }, { "probe", "control_app" }, { "job", "control_job" },
        { "job snapshot", "control_job" }, { "job session", "control_job" }, { "provisioning", "control_provision" },
    };

    [Theory]
    [MemberData(nameof(Begins))]
    public async Task Every_statement_runs_as_its_role(string begin, string role)
    {
        for (var round = 0; round < 2; round++)
        {
            await using var statements = await BeginAsync(begin);
            Assert.Equal(role, await statements.ScalarAsync<string>(CurrentUser, default));
            Assert.Equal([role], await statements.QueryAsync(CurrentUser, row => row.GetString(0), default));
            Assert.Equal(role, await statements.FirstAsync(CurrentUser, row => row.GetString(0), default));
            Assert.Equal(-1, await statements.ExecuteAsync(CurrentUser, default));
        }
    }

    [Theory]
    [MemberData(nameof(Begins))]
    public async Task Every_statement_has_the_timeouts_of_its_role(string begin, string role)
    {
        await using var statements = await BeginAsync(begin);
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(
                role == "control_app" ? "1min 15s 1min" : "15min 1min 2min",
                await statements.ScalarAsync<string>(
                    "select concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'))", default));
        }
    }

    [Theory]
    [MemberData(nameof(Begins))]
    public async Task A_failed_or_cancelled_statement_does_not_widen_the_rights_of_the_next(string begin, string role)
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        foreach (var (bad, ct) in new[] { ("select 1 / 0", default), ("no sql", default), ("select pg_sleep(30)", soon.Token), (CurrentUser, new CancellationToken(true)) })
        {
            await using var statements = await BeginAsync(begin);
            await Assert.ThrowsAnyAsync<Exception>(() => statements.ScalarAsync<int>(bad, ct));
            // A failed transaction refuses every statement; one that was never sent, and a session, continue.
            var next = await Record.ExceptionAsync(async () => Assert.Equal(role, await statements.ScalarAsync<string>(CurrentUser, default)));
            Assert.True(next is null or PostgresException { SqlState: PostgresErrorCodes.InFailedSqlTransaction }, next?.ToString());
        }
    }

    [Fact]
    public async Task Rolling_back_to_a_savepoint_keeps_role_and_tenant()
    {
        await using var transaction = await _database.BeginAsync(Tenant, default);
        await transaction.ExecuteAsync("savepoint before", default);
        await Assert.ThrowsAsync<PostgresException>(() => transaction.ExecuteAsync("select 1 / 0", default));
        await transaction.ExecuteAsync("rollback to savepoint before", default);
        Assert.Equal("control_app", await transaction.ScalarAsync<string>(CurrentUser, default));
        Assert.Equal(Tenant.ToString(), await transaction.ScalarAsync<string>("select current_setting('app.current_tenant')", default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_that_has_ended_accepts_no_more_statements(bool commit)
    {
        var transaction = await _database.BeginJobAsync(default);
        await transaction.ExecuteAsync("select 1", default);
        await (commit ? transaction.CommitAsync(default) : transaction.DisposeAsync().AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => transaction.ScalarAsync<string>(CurrentUser, default));
        await transaction.DisposeAsync();
    }

    [Fact]
    public async Task A_pooled_connection_keeps_neither_role_nor_tenant()
    {
        int pid;
        await using (var transaction = await _database.BeginAsync(Tenant, default))
        {
            pid = await transaction.ScalarAsync<int>("select pg_backend_pid()", default);
            await transaction.CommitAsync(default);
        }

        await using var next = await _database.BeginAnonymousAsync(default);
        Assert.Equal(pid, await next.ScalarAsync<int>("select pg_backend_pid()", default));
        Assert.Equal("", await next.ScalarAsync<string>("select current_setting('app.current_tenant')", default));
        await next.ExecuteAsync("savepoint before", default);
        await Assert.ThrowsAsync<PostgresException>(() => next.ScalarAsync<long>("select count(*) from control.tenant", default));
        await next.ExecuteAsync("rollback to savepoint before", default);
        // Only this transaction has the role.
        await next.ExecuteAsync("reset role", default);
        Assert.Equal(_login, await next.ScalarAsync<string>(CurrentUser, default));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData(";Max Auto Prepare=0", false)]
    public async Task Statements_are_prepared_unless_the_connection_string_says_otherwise(string more, bool prepared)
    {
        await using var database = new ControlDatabase(_owner + more);
        var found = 0L;
        for (var i = 0; i < 5; i++)
        {
            await using var transaction = await database.BeginJobAsync(default);
            found = await transaction.ScalarAsync<long>("select count(*) from pg_prepared_statements", default);
        }

        Assert.Equal(prepared, found > 0);
    }

    [Fact]
    public async Task A_pooled_session_starts_without_locks_and_settings()
    {
        await using (var session = await _database.OpenJobAsync(default))
        {
            Assert.True(await session.ScalarAsync<bool>("select pg_try_advisory_lock(42)", default));
            await session.ExecuteAsync("select set_config('work_mem', '7MB', false)", default);
            Assert.Equal(1, await session.ScalarAsync<long>("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()", default));
        }

        await using var next = await _database.OpenJobAsync(default);
        Assert.Equal(0, await next.ScalarAsync<long>("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()", default));
        Assert.NotEqual("7MB", await next.ScalarAsync<string>("select current_setting('work_mem')", default));
    }

    [Fact]
    public async Task A_session_receives_notifications()
    {
        await using var session = await _database.OpenJobAsync(default);
        await using var notifications = session.ListenAsync("control_job", default).GetAsyncEnumerator();
        var first = notifications.MoveNextAsync().AsTask();
        while (!first.IsCompleted)
        {
            await OwnerAsync("select pg_notify('control_job', 'mail')");
        }

        await first;
        Assert.Equal("mail", notifications.Current);
    }

    [Fact]
    public async Task A_noinherit_login_works_as_its_roles_and_no_others()
    {
        var login = Names.Random("login");
        await OwnerAsync($"create role {login} login noinherit password 'secret'");
        await OwnerAsync($"grant control_app to {login}");
        await OwnerAsync($"grant connect on database {new NpgsqlConnectionStringBuilder(_owner).Database} to {login}");
        var settings = new NpgsqlConnectionStringBuilder(_owner) { Username = login, Password = "secret" };
        await using (var database = Open(settings))
        {
            await using var transaction = await database.BeginAsync(Tenant, default);
            Assert.Equal(0, await transaction.ScalarAsync<long>("select count(*) from control.tenant", default));

            await using var job = await database.BeginJobAsync(default);
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => job.ExecuteAsync("select 1", default))).SqlState);

            // A statement without a role would have no rights at all.
            await using var withoutRole = await database.OpenOwnerAsync(default);
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege,
                (await Assert.ThrowsAsync<PostgresException>(() => withoutRole.ExecuteAsync("select control.find_session('')", default))).SqlState);
        }

        await OwnerAsync($"drop owned by {login}");
        await OwnerAsync($"drop role {login}");
    }

    async Task<Statements> BeginAsync(string begin) => begin switch
    {
        "tenant" => await _database.BeginAsync(Tenant, default),
        "anonymous" => await _database.BeginAnonymousAsync(default),
        "app session" => await _database.OpenAppAsync(default),
        "probe" => await _database.OpenProbeAsync(default),
        "job" => await _database.BeginJobAsync(default),
        "job snapshot" => await _database.BeginJobSnapshotAsync(default),
        "job session" => await _database.OpenJobAsync(default),
        _ => await _database.BeginProvisioningAsync(default),
    };

    static ControlDatabase Open(NpgsqlConnectionStringBuilder settings) => new(settings.ToString());

    async Task OwnerAsync(string sql)
    {
        await using var database = new ControlDatabase(_owner);
        await using var connection = await database.OpenOwnerAsync(default);
        await connection.ExecuteAsync(sql, default);
    }
}
