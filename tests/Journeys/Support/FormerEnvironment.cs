using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>An environment as an earlier release left it, with the data of Open WebUI and the gateway.</summary>
/// <param name="InDatabase">In a database of the environment on the control plane's server; otherwise in schemas of the control plane's database.</param>
sealed record FormerEnvironment(ProvisioningRig Rig, RigTenant Tenant, bool InDatabase)
{
    public string WebuiLogin { get; private set; } = "";

    public string WebuiSchema => InDatabase ? "open_webui" : WebuiLogin;

    string GatewayLogin => InDatabase ? $"{WebuiLogin}_gateway" : WebuiLogin;

    string GatewaySchema => InDatabase ? "litellm" : $"{WebuiLogin}_litellm";

    string DatabaseName => InDatabase ? WebuiLogin : new NpgsqlConnectionStringBuilder(Rig.ConnectionString).Database!;

    public static async Task<FormerEnvironment> CreateAsync(ProvisioningRig rig, bool inDatabase)
    {
        var tenant = await rig.TenantAsync();
        await rig.ScalarAsync<int>(
            "insert into control.environment (tenant_id, state, detail, address, updated_at) values ($1, 'ready', 'rendered', 'old.example', now()) returning 1", tenant.Id);
        var environment = new FormerEnvironment(rig, tenant, inDatabase);
        await environment.CreateAsync();
        return environment;
    }

    public async Task CreateAsync()
    {
        WebuiLogin = InDatabase ? await Rig.DatabaseNameAsync(Tenant) : $"tenant_{Tenant.Slug}";
        await using (var transaction = await Rig.Database.BeginProvisioningAsync(default))
        {
            foreach (var login in Logins)
            {
                await transaction.ExecuteAsync($"create role \"{login}\" login password 'old'", default);
                await transaction.ExecuteAsync($"grant \"{login}\" to current_user", default);
            }

            if (!InDatabase)
            {
                await transaction.ExecuteAsync($"comment on role \"{WebuiLogin}\" is 'environment of tenant {Tenant.Id}'", default);
            }

            await transaction.CommitAsync(default);
        }

        if (InDatabase)
        {
            await Rig.Database.ExecuteProvisioningAsync($"create database {DatabaseName} template template0 encoding 'UTF8'", default);
        }

        await AsSuperuserAsync(
            [
                $"create schema \"{WebuiSchema}\" authorization \"{WebuiLogin}\"",
                $"create schema \"{GatewaySchema}\" authorization \"{GatewayLogin}\"", $"alter role \"{WebuiLogin}\" set search_path = \"{WebuiSchema}\"",
            ]);
        foreach (var login in Logins)
        {
            // By the role that drops them.
            await Rig.Database.ExecuteProvisioningAsync($"grant connect on database {DatabaseName} to \"{login}\"", default);
        }

        await using var webui = await ConnectAsync();
        await webui.ExecuteAsync("create table chat (id serial primary key, title text not null)", default);
        await webui.ExecuteAsync("create index on chat (lower(title))", default);
        await webui.ExecuteAsync("create table message (chat int references chat, text text)", default);
        await webui.ExecuteAsync("insert into chat (title) select 'chat ' || n from generate_series(1, 3) n", default);
        await using var gateway = await ConnectAsync(GatewayLogin);
        await gateway.ExecuteAsync($"create table \"{GatewaySchema}\".spend (value text)", default);
        await gateway.ExecuteAsync($"insert into \"{GatewaySchema}\".spend values ('spent')", default);
    }

    /// <param name="login">null: Open WebUI's.</param>
    public async Task<NpgsqlConnection> ConnectAsync(string? login = null)
    {
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(Rig.ConnectionString) { Database = DatabaseName, Username = login ?? WebuiLogin, Password = "old", Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    public async Task AsSuperuserAsync(params string[] statements)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Rig.ConnectionString) { Database = DatabaseName, Pooling = false }.ToString());
        await connection.OpenAsync();
        foreach (var statement in statements)
        {
            await connection.ExecuteAsync(statement, default);
        }
    }

    /// <summary>Nothing is left of it on the control plane's server.</summary>
    public async Task AssertDroppedAsync()
    {
        Assert.Equal(0, await Rig.ScalarAsync<long>("select count(*) from pg_roles where rolname like $1", $"{WebuiLogin}%"));
        Assert.Equal(0, await Rig.ScalarAsync<long>("select count(*) from pg_namespace where nspname like $1", $"tenant_{Tenant.Slug}%"));
        Assert.Equal(0, await Rig.ScalarAsync<long>("select count(*) from pg_database where datname = $1", await Rig.DatabaseNameAsync(Tenant)));
    }

    IEnumerable<string> Logins => new[] { WebuiLogin, GatewayLogin }.Distinct();
}
