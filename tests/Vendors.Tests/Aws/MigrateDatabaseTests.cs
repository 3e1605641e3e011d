using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ControlPlane.Tests.Aws;

/// <summary>On a database whose owner is not a superuser, as on RDS.</summary>
[Collection(Logins)]
[Trait("Category", "Slow")]
public sealed class MigrateDatabaseTests : IAsyncLifetime
{
    /// <summary>Serialized, because logins belong to the whole server.</summary>
    public const string Logins = "function logins";

    readonly string _owner = Names.Random("owner");
    readonly string _name = Names.Random("rds");
    string _superuser = null!;
    ControlDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _superuser = await TestCluster.NewDatabaseAsync();
        await SuperuserAsync($"create role {_owner} login createrole password 'secret'");
        await SuperuserAsync($"create database {_name} owner {_owner}");
        _database = Open(_owner);
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        await SuperuserAsync($"drop database {_name} with (force)");
        foreach (var role in FunctionLogin.All.Select(login => login.Name).Append("rds_iam"))
        {
            await SuperuserAsync($"drop role if exists {role}");
        }

        await SuperuserAsync($"drop owned by {_owner}");
        await TestCluster.DropAsync(_superuser, [_owner]);
    }

    [Fact]
    public async Task Migration_creates_the_schema_and_a_login_for_each_function_and_is_idempotent()
    {
        Assert.NotEmpty(await MigrateAsync());
        var before = await MembershipsAsync();
        Assert.Equal(
            [
                "controlplane_api control_app", "controlplane_api control_job", "controlplane_authorize control_app", "controlplane_jobs control_job",
                "controlplane_provision control_job", "controlplane_provision control_provision", "controlplane_usage control_app",
            ],
            before);
        Assert.Empty(await MigrateAsync());
        Assert.Equal(before, await MembershipsAsync());
    }

    [Fact]
    public async Task On_RDS_logins_use_IAM_and_lose_memberships_they_should_not_have()
    {
        await MigrateAsync();
        await SuperuserAsync("create role rds_iam nologin");
        await SuperuserAsync($"grant rds_iam to {_owner} with admin option");
        await SuperuserAsync("create role unrelated nologin");
        await SuperuserAsync("grant control_provision, unrelated to controlplane_usage");
        await SuperuserAsync("alter role controlplane_usage nologin inherit password 'x'");
        await MigrateAsync();

        Assert.Equal(["controlplane_usage control_app", "controlplane_usage rds_iam"], (await MembershipsAsync()).Where(member => member.StartsWith("controlplane_usage", StringComparison.Ordinal)));
        Assert.Equal(5, (await MembershipsAsync()).Count(member => member.EndsWith(" rds_iam", StringComparison.Ordinal)));
        Assert.True(await ScalarAsync<bool>("select rolcanlogin and not rolinherit from pg_roles where rolname = 'controlplane_usage'"));
        Assert.True(await ScalarAsync<bool>("select rolpassword is null from pg_authid where rolname = 'controlplane_usage'"));
        await SuperuserAsync("drop role unrelated");
    }

    [Fact]
    public async Task A_login_has_only_the_rights_of_its_roles()
    {
        await MigrateAsync();
        await SuperuserAsync("alter role controlplane_usage password 'secret'");
        await using var usage = Open("controlplane_usage");
        await using (var transaction = await usage.BeginAsync(Ids.New(TimeProvider.System), default))
        {
            Assert.Equal(0, await transaction.ScalarAsync<long>("select count(*) from control.tenant", default));
        }

        await AssertDeniedAsync(ct => usage.BeginJobAsync(ct));
        await AssertDeniedAsync(usage.BeginProvisioningAsync);

        async Task AssertDeniedAsync(Func<CancellationToken, Task<Transaction>> begin)
        {
            await using var transaction = await begin(default);
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => transaction.ExecuteAsync("select 1", default))).SqlState);
        }
    }

    static readonly ControlPlaneOptions Options = new() { Domain = "localhost", PublicUrl = new("http://localhost"), DataDirectory = "" };

    Task<IReadOnlyList<string>> MigrateAsync() => new MigrateDatabase(new Migrator(_database, Options, NullLogger<Migrator>.Instance), new CreateFunctionLogins(_database)).RunAsync(default);

    Task<List<string>> MembershipsAsync() => AsSuperuserAsync(connection => connection.QueryAsync(
        """
        select m.rolname || ' ' || r.rolname from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
        where m.rolname = any($1) order by 1
        """, row => row.GetString(0), default, FunctionLogin.All.Select(login => login.Name).ToArray()));

    ControlDatabase Open(string login) => new(new NpgsqlConnectionStringBuilder(_superuser) { Username = login, Password = "secret", Database = _name }.ToString());

    Task<int> SuperuserAsync(string sql) => AsSuperuserAsync(connection => connection.ExecuteAsync(sql, default));

    Task<T?> ScalarAsync<T>(string sql) => AsSuperuserAsync(connection => connection.ScalarAsync<T>(sql, default));

    async Task<T> AsSuperuserAsync<T>(Func<NpgsqlConnection, Task<T>> work)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_superuser) { Pooling = false }.ToString());
        await connection.OpenAsync();
        return await work(connection);
    }
}
