using System.Data;
using System.Globalization;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Provides the password of a new connection when it is short-lived: a token, or a secret that rotates. Called for every connection that is opened rather
/// than periodically: timers of a function that is frozen, or was restored from a snapshot, do not fire while time goes on.
/// </summary>
/// <param name="login">Host, port and user of the connection.</param>
/// <remarks>Whatever it throws, opening the connection fails with an <see cref="NpgsqlException"/>: to callers, the database is unavailable.</remarks>
public delegate ValueTask<string> PasswordProvider(NpgsqlConnectionStringBuilder login, CancellationToken ct);

/// <summary>
/// The database, through the roles that may use it. The login of the connection string is a member of them; no statement runs with the rights of the login
/// itself, except those of the schema's owner (decision 1).
/// </summary>
public sealed class ControlDatabase : IAsyncDisposable
{
    static readonly SessionRole AppRole = new(DatabaseRoles.App, ServerTimeouts.Serving);

    // One pool per role, so that no role starves another of connections, and prepared plans are reused by the role they were prepared for.
    const int AppConnections = 50;
    const int JobConnections = 30;
    const int SessionConnections = 20;
    const int ProvisionConnections = 5;
    const int OwnerConnections = 5;
    const int ProbeConnections = 1;

    /// <summary>How many of <see cref="AppConnections"/> transactions of one tenant hold at the same time.</summary>
    const int AppConnectionsPerTenant = 8;

    /// <summary>How many of <see cref="JobConnections"/> what one tenant's members ask for holds at the same time.</summary>
    const int JobConnectionsPerTenant = 4;

    static readonly TimeSpan TenantTimeout = TimeSpan.FromSeconds(10);

    readonly SessionRole _jobRole;
    readonly SessionRole _provisionRole;
    readonly TenantConnectionLimit _tenants = new(AppConnectionsPerTenant, TenantTimeout);
    readonly TenantConnectionLimit _membersInJobs = new(JobConnectionsPerTenant, TenantTimeout);
    readonly string _connectionString;
    readonly PasswordProvider? _passwordProvider;
    readonly NpgsqlDataSource _app;
    readonly NpgsqlDataSource _job;
    readonly NpgsqlDataSource _probe;
    readonly NpgsqlDataSource _sessions;
    readonly NpgsqlDataSource _provision;
    readonly NpgsqlDataSource _owner;

    /// <param name="connectionString">Npgsql connection string of a login that is a member of the roles, or that owns or will own the schema.</param>
    /// <param name="passwordProvider">Used when the connection string has no password.</param>
    /// <param name="working">Of jobs and provisioning; null: <see cref="ServerTimeouts.Working"/>.</param>
    public ControlDatabase(string connectionString, PasswordProvider? passwordProvider = null, ServerTimeouts? working = null)
    {
        (_connectionString, _passwordProvider) = (connectionString, passwordProvider);
        working ??= ServerTimeouts.Working;
        (_jobRole, _provisionRole) = (new SessionRole(DatabaseRoles.Job, working), new SessionRole(DatabaseRoles.Provision, working));
        _app = CreatePool(AppRole.Role, AppConnections);
        // Its own, so that a pool in full use does not count as a database that does not answer.
        _probe = CreatePool("control_probe", ProbeConnections);
        _job = CreatePool(DatabaseRoles.Job, JobConnections, commandTimeout: working.Client);
        _provision = CreatePool(DatabaseRoles.Provision, ProvisionConnections, traced: false, commandTimeout: working.Client);
        _sessions = CreatePool("control_session", SessionConnections, keepsState: true, commandTimeout: working.Client);
        _owner = CreatePool("control_owner", OwnerConnections, keepsState: true, commandTimeout: working.Client);
    }

    /// <summary>Raised after each commit that queued work for a job, for hosts that can neither LISTEN nor wait for the schedule.</summary>
    public event Action<Announcement>? Announced;

    /// <summary>A transaction of tenant-facing code: every row that it can see or write belongs to <paramref name="tenant"/>.</summary>
    /// <exception cref="NpgsqlException">Database unreachable.</exception>
    /// <exception cref="TenantBusyException">The tenant has too many transactions at the same time.</exception>
    public async Task<Transaction> BeginAsync(Guid tenant, CancellationToken ct)
    {
        var place = await _tenants.EnterAsync(tenant, ct);
        try
        {
            return await BeginAsync(_app, AppRole with { Tenant = tenant }, ct, place: place);
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>A transaction of tenant-facing code before the tenant is known: it may look up one exact value through the
    /// <c>find_…</c> functions and read plans and models, nothing else.</summary>
    /// <param name="lockTimeout">null: the role's.</param>
    public Task<Transaction> BeginAnonymousAsync(CancellationToken ct, TimeSpan? lockTimeout = null) =>
        BeginAsync(_app, AppRole with { LockTimeout = lockTimeout }, ct);

    /// <summary>A session for tenant-facing code with a single statement that finds its tenant itself: one round trip.</summary>
    /// <param name="lockTimeout">null: the role's.</param>
    public async Task<Session> OpenAppAsync(CancellationToken ct, TimeSpan? lockTimeout = null) =>
        new(await _app.OpenConnectionAsync(ct), AppRole with { LockTimeout = lockTimeout });

    /// <summary>A session for a single statement that shows whether the database answers, whatever is using the other connections. One at a time.</summary>
    public async Task<Session> OpenProbeAsync(CancellationToken ct) => new(await _probe.OpenConnectionAsync(ct), AppRole);

    /// <summary>A transaction of a job or an operator: sees every tenant.</summary>
    /// <param name="lockTimeout">For work that must not wait for one tenant at the expense of the others; null: the role's.</param>
    public Task<Transaction> BeginJobAsync(CancellationToken ct, TimeSpan? lockTimeout = null) =>
        BeginAsync(_job, _jobRole with { LockTimeout = lockTimeout }, ct);

    /// <summary>A place for what a member asks for and needs <see cref="BeginJobAsync"/>: it waits for the tenant's locks, and must not hold the connections that the jobs of all tenants share.</summary>
    /// <returns>Disposed when the last of its transactions has ended. They must not overlap.</returns>
    /// <exception cref="TenantBusyException">The tenant has too many such requests at the same time.</exception>
    public Task<IDisposable> EnterJobAsync(Guid tenant, CancellationToken ct) => _membersInJobs.EnterAsync(tenant, ct);

    /// <summary>A transaction of a job in which all statements see one snapshot (repeatable read).</summary>
    public Task<Transaction> BeginJobSnapshotAsync(CancellationToken ct) => BeginAsync(_job, _jobRole, ct, IsolationLevel.RepeatableRead);

    /// <summary>A session of a job: for advisory locks and LISTEN.</summary>
    public async Task<Session> OpenJobAsync(CancellationToken ct) => new(await _sessions.OpenConnectionAsync(ct), _jobRole);

    /// <summary>A transaction that may create and drop the roles that environments have on this server.</summary>
    public Task<Transaction> BeginProvisioningAsync(CancellationToken ct) => BeginAsync(_provision, _provisionRole, ct);

    /// <summary>Runs a statement that PostgreSQL refuses inside a transaction, with the rights of <see cref="BeginProvisioningAsync"/>.</summary>
    public async Task ExecuteProvisioningAsync(string sql, CancellationToken ct)
    {
        await using var connection = await _owner.OpenConnectionAsync(ct);
        await connection.ExecuteAsync($"set role {_provisionRole.Role}", ct);
        await connection.ExecuteAsync(sql, ct);
    }

    /// <summary>A connection with the rights of the login itself, for the migrator, whose login owns the schema.</summary>
    public async Task<NpgsqlConnection> OpenOwnerAsync(CancellationToken ct) => await _owner.OpenConnectionAsync(ct);

    /// <summary>Clears all connection pools. Call it after an outage or a Lambda freeze: idle connections may be dead.</summary>
    public void ClearPools()
    {
        _app.Clear();
        _probe.Clear();
        _job.Clear();
        _provision.Clear();
        _sessions.Clear();
        _owner.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _probe.DisposeAsync();
        await _job.DisposeAsync();
        await _provision.DisposeAsync();
        await _sessions.DisposeAsync();
        await _owner.DisposeAsync();
    }

    /// <summary>How the programs of PostgreSQL connect to this server as another login: libpq's environment variables. null: to be unset.</summary>
    /// <param name="databaseName">null: the control plane's own.</param>
    internal IReadOnlyDictionary<string, string?> LibpqVariables(string? databaseName, string login, string password)
    {
        var server = new NpgsqlConnectionStringBuilder(_connectionString);
        var verifies = server.SslMode is SslMode.VerifyCA or SslMode.VerifyFull;
        return new Dictionary<string, string?>
        {
            ["PGHOST"] = server.Host,
            ["PGPORT"] = server.Port.ToString(CultureInfo.InvariantCulture),
            ["PGUSER"] = login,
            ["PGPASSWORD"] = password,
            ["PGPASSFILE"] = null,
            ["PGDATABASE"] = databaseName ?? server.Database ?? server.Username,
            ["PGSSLMODE"] = server.SslMode switch { SslMode.VerifyCA => "verify-ca", SslMode.VerifyFull => "verify-full", var mode => mode.ToString().ToLowerInvariant() },
            ["PGSSLROOTCERT"] = verifies ? server.RootCertificate ?? "system" : null,
            ["PGOPTIONS"] = null,
        };
    }

    async Task<Transaction> BeginAsync(
        NpgsqlDataSource source, SessionRole role, CancellationToken ct, IsolationLevel isolation = IsolationLevel.ReadCommitted, IDisposable? place = null) =>
        await BeginAsync(await source.OpenConnectionAsync(ct), role, ct, isolation, place);

    async Task<Transaction> BeginAsync(
        NpgsqlConnection connection, SessionRole role, CancellationToken ct, IsolationLevel isolation = IsolationLevel.ReadCommitted, IDisposable? place = null)
    {
        try
        {
            // BEGIN is sent with the first statement.
            return new Transaction(connection, await connection.BeginTransactionAsync(isolation, ct), role, work => Announced?.Invoke(work), place);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <param name="keepsState">True where sessions hold locks, settings or LISTENs, which have to be reset before the next use. Elsewhere nothing outlives
    /// a transaction, and a reset would cost: the server drops its plans, and RDS Proxy pins the session instead of sharing it.</param>
    /// <param name="traced">False for a role whose statements contain password verifiers, which must not be traced.</param>
    /// <param name="commandTimeout">In seconds; null: that of the connection string.</param>
    NpgsqlDataSource CreatePool(string name, int maximumConnections, bool keepsState = false, bool traced = true, int? commandTimeout = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(_connectionString)
        {
            ApplicationName = name,
            MaxPoolSize = maximumConnections,
            NoResetOnClose = !keepsState,
        };
        settings.CommandTimeout = commandTimeout ?? settings.CommandTimeout;
        if (!keepsState && !settings.Keys.Cast<string>().Contains("Max Auto Prepare"))
        {
            // Statements are planned once per connection: planning one takes several times as long as running it. A pooler that does not support prepared
            // statements, such as an old PgBouncer, needs 0 in the connection string.
            (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (64, 2);
        }

        var source = new NpgsqlDataSourceBuilder(settings.ToString());
        source.ConfigureTracing(tracing => tracing.ConfigureCommandFilter(_ => traced).ConfigureBatchFilter(_ => traced));
        if (_passwordProvider is { } provider && settings is { Password: null, Passfile: null })
        {
            source.UsePasswordProvider(
                _ => throw new NotSupportedException("Connections are opened asynchronously."), (login, ct) => provider(login, ct));
        }

        return source.Build();
    }
}
