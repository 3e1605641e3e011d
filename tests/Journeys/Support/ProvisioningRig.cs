using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>The application's services with their own database and without a scheduler: jobs run only when the test runs them.</summary>
sealed class ProvisioningRig : IAsyncDisposable
{
    readonly ServiceProvider _services;
    readonly EnvironmentServers? _servers;

    ProvisioningRig(ServiceProvider services, EnvironmentServers? servers, string connectionString, string folder) =>
        (_services, _servers, ConnectionString, DataFolder) = (services, servers, connectionString, folder);

    public string ConnectionString { get; }
    public string DataFolder { get; }
    public ControlDatabase Database => Get<ControlDatabase>();
    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    /// <param name="options">null: as in production, but without delays between attempts.</param>
    /// <param name="region">Of the installation; its tenants belong to <c>local</c>.</param>
    /// <param name="dataPlane">null: files are rendered.</param>
    /// <param name="limits">null: as in production.</param>
    public static async Task<ProvisioningRig> StartAsync(
        ProvisioningOptions? options = null, string region = "local", IDataPlane? dataPlane = null, EnvironmentLimits? limits = null)
    {
        var connectionString = await TestCluster.NewDatabaseAsync();
        var folder = Directory.CreateTempSubdirectory("provisioning-").FullName;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = connectionString,
            ["CONTROLPLANE_DATA"] = folder,
            ["CONTROLPLANE_DATAPLANE"] = "render",
            ["CONTROLPLANE_REGION"] = region,
        }).Build();
        var services = new ServiceCollection();
        services.AddLogging().AddSingleton<IConfiguration>(configuration);
        services.AddControlPlane(configuration);
        services.AddSingleton(options ?? new ProvisioningOptions { Backoff = [.. Enumerable.Repeat(TimeSpan.Zero, 4)], PollWindow = TimeSpan.Zero });
        // The last registration of a service wins.
        if (dataPlane is not null)
        {
            services.AddSingleton(dataPlane);
        }

        if (limits is not null)
        {
            services.AddSingleton(limits);
        }

        return new ProvisioningRig(services.BuildServiceProvider(), (dataPlane as FakeDataPlane)?.Servers, connectionString, folder);
    }

    /// <summary>With a database server for each environment.</summary>
    public static Task<ProvisioningRig> StartWithServersAsync() => StartAsync(dataPlane: new FakeDataPlane { Servers = new() });

    /// <summary>Creates an active tenant with an owner and without an environment.</summary>
    /// <param name="isApproved">As if an operator had created it.</param>
    public async Task<RigTenant> TenantAsync(string plan = "basic", string status = "active", bool isApproved = true)
    {
        var (clock, slug) = (Get<Clock>(), Names.Random("r"));
        var id = Ids.New(clock);
        await using var transaction = await Database.BeginJobAsync(default);
        await transaction.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at, approved_at)
            values ($1, $2, 'Organization', 'DE', 'local', $3, $5, $4, $6)
            """,
            default, id, slug, plan, clock.GetUtcNow(), status, isApproved ? clock.GetUtcNow() : null);
        await transaction.ExecuteAsync(
            "insert into control.member (id, tenant_id, email, role, created_at) values ($1, $2, $3, 'owner', $4)", default,
            Ids.New(clock), id, $"owner@{slug}.example", clock.GetUtcNow());
        await transaction.CommitAsync(default);
        return new RigTenant(id, slug);
    }

    /// <summary>Creates an active tenant on a trial, whose owner has confirmed the address.</summary>
    public Task<RigTenant> TrialAsync() => SignedUpAsync("trial");

    /// <summary>Creates an active tenant as a signup does: its owner has confirmed the address, and no more is known.</summary>
    public async Task<RigTenant> SignedUpAsync(string plan)
    {
        var (tenant, now) = (await TenantAsync(plan, isApproved: false), Get<Clock>().GetUtcNow());
        await using var transaction = await Database.BeginAsync(tenant.Id, default);
        await transaction.StartSubscriptionAsync(tenant.Id, (await transaction.PlanAsync(plan, now, default))!, agreed: null, now, default);
        await transaction.ExecuteAsync("update control.member set confirmed_at = $2 where tenant_id = $1", default, tenant.Id, now);
        await transaction.CommitAsync(default);
        return tenant;
    }

    public async Task<EnvironmentState> RequestAsync(RigTenant tenant, string kind)
    {
        await using var transaction = await Database.BeginAsync(tenant.Id, default);
        var state = await transaction.QueueProvisioningAsync(Get<Clock>(), Get<ControlPlaneOptions>(), tenant.Id, tenant.Slug, kind, default);
        await transaction.CommitAsync(default);
        return state;
    }

    public Task<JobReport> ProvisionAsync() => Get<RunProvisioning>().RunAsync(default);

    public async Task<EnvironmentStatus> StatusAsync(RigTenant tenant)
    {
        await using var transaction = await Database.BeginAsync(tenant.Id, default);
        return (await EnvironmentStatus.ReadForOperatorAsync(transaction, Get<ControlPlaneOptions>(), tenant.Id, default))!;
    }

    /// <summary>The name of the database, and of Open WebUI's login, that a former release gave the environment on the control plane's server.</summary>
    public async Task<string> DatabaseNameAsync(RigTenant tenant) =>
        (await ScalarAsync<string>("select database_name from control.environment where tenant_id = $1", tenant.Id))!;

    public async Task<T?> ScalarAsync<T>(string sql, params List<object?> args)
    {
        await using var transaction = await Database.BeginJobAsync(default);
        var value = await transaction.ScalarAsync<T>(sql, default, args);
        await transaction.CommitAsync(default);
        return value;
    }

    /// <summary>Expires the leases of all runs.</summary>
    public Task ExpireLeasesAsync() =>
        ScalarAsync<int>("update control.provisioning_run set lease_until = now() - interval '1 second' where state = 'running' returning 1");

    /// <summary>The environment's own database server.</summary>
    public EnvironmentServer ServerOf(RigTenant tenant) => _servers!.Of(tenant.Id);

    /// <summary>Connects as Open WebUI does, or as the gateway.</summary>
    public async Task<NpgsqlConnection> ConnectAsync(RigTenant tenant, bool asGateway = false)
    {
        var secrets = await Get<ISecretStore>().ReadAsync(tenant.Id, default);
        return asGateway
            ? await ServerOf(tenant).ConnectAsync("litellm", secrets[SecretNames.GatewayDatabasePassword])
            : await ServerOf(tenant).ConnectAsync("open_webui", secrets[SecretNames.DatabasePassword]);
    }

    public async ValueTask DisposeAsync()
    {
        // Roles belong to the whole server and would outlive the database.
        List<string> roles;
        await using (var transaction = await Database.BeginJobAsync(default))
        {
            roles = await transaction.QueryAsync("select rolname from pg_roles join control.tenant on rolname = 'tenant_' || slug", row => row.GetString(0), default);
        }

        await _services.DisposeAsync();
        await (_servers?.DisposeAsync() ?? ValueTask.CompletedTask);
        await TestCluster.DropAsync(ConnectionString, roles);
        Directory.Delete(DataFolder, recursive: true);
    }
}

sealed record RigTenant(Guid Id, string Slug);
