using Npgsql;

namespace ControlPlane.Database;

/// <summary>
/// The database, as the roles that may use it. Each connection starts as one role and falls back to it whenever the pool
/// resets it, so no query runs with the rights of the login it came in with.
/// </summary>
public sealed class ControlDatabase : IAsyncDisposable
{
    readonly NpgsqlDataSource _app;
    readonly NpgsqlDataSource _job;
    readonly NpgsqlDataSource _provision;
    readonly NpgsqlDataSource _owner;

    /// <param name="connectionString">Npgsql connection string of a login that owns the schema, or is to own it.</param>
    public ControlDatabase(string connectionString)
    {
        ConnectionString = connectionString;
        _owner = NpgsqlDataSource.Create(connectionString);
        _app = As("control_app", maximumConnections: 50);
        _job = As("control_job", maximumConnections: 30);
        _provision = As("control_provision", maximumConnections: 5, traced: false);
    }

    /// <summary>The login's own connection string: for the migrator and for addresses handed to environments. Holds a password.</summary>
    public string ConnectionString { get; }

    /// <summary>Raised after each commit that queued work for a job: for hosts that can neither listen to the database nor wait for the schedule.</summary>
    public event Action<Announcement>? Announced;

    /// <summary>A transaction of tenant-facing code: every row it can see or write belongs to <paramref name="tenant"/>.</summary>
    /// <exception cref="NpgsqlException">Database unreachable.</exception>
    public async Task<Transaction> BeginAsync(Guid tenant, CancellationToken ct)
    {
        var transaction = await BeginAsync(_app, ct);
        try
        {
            await transaction.ExecuteAsync("select set_config('app.current_tenant', $1, true)", ct, tenant.ToString());
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    /// <summary>A transaction of tenant-facing code before its tenant is known: it may look up one exact value through the
    /// <c>find_…</c> functions and read plans and models, nothing else.</summary>
    public Task<Transaction> BeginAnonymousAsync(CancellationToken ct) => BeginAsync(_app, ct);

    /// <summary>A connection of tenant-facing code for one statement that finds its tenant itself.</summary>
    public async Task<NpgsqlConnection> OpenAppAsync(CancellationToken ct) => await _app.OpenConnectionAsync(ct);

    /// <summary>A transaction of a job or an operator: sees every tenant.</summary>
    public Task<Transaction> BeginJobAsync(CancellationToken ct) => BeginAsync(_job, ct);

    /// <summary>A connection that may make and drop the roles and schemas of environments.</summary>
    public async Task<NpgsqlConnection> OpenProvisioningAsync(CancellationToken ct) => await _provision.OpenConnectionAsync(ct);

    /// <summary>A connection of a job outside a transaction: for advisory locks, COPY and LISTEN.</summary>
    public async Task<NpgsqlConnection> OpenJobAsync(CancellationToken ct) => await _job.OpenConnectionAsync(ct);

    /// <summary>A connection of the schema's owner: for the migrator only.</summary>
    public async Task<NpgsqlConnection> OpenOwnerAsync(CancellationToken ct) => await _owner.OpenConnectionAsync(ct);

    /// <summary>Opens new connections from now on: after a pause in which nobody answered for those that are open, they may be gone.</summary>
    public void ForgetConnections()
    {
        _app.Clear();
        _job.Clear();
        _provision.Clear();
        _owner.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _job.DisposeAsync();
        await _provision.DisposeAsync();
        await _owner.DisposeAsync();
    }

    async Task<Transaction> BeginAsync(NpgsqlDataSource source, CancellationToken ct)
    {
        var connection = await source.OpenConnectionAsync(ct);
        try
        {
            return new Transaction(connection, await connection.BeginTransactionAsync(ct), work => Announced?.Invoke(work));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <param name="traced">False for a role whose statements hold what no trace may: password verifiers.</param>
    NpgsqlDataSource As(string role, int maximumConnections, bool traced = true)
    {
        var settings = new NpgsqlConnectionStringBuilder(ConnectionString) { MaxPoolSize = maximumConnections };
        settings.Options = $"{settings.Options} -c role={role}".TrimStart();
        settings.ApplicationName = role;
        var source = new NpgsqlDataSourceBuilder(settings.ToString());
        source.ConfigureTracing(tracing => tracing.ConfigureCommandFilter(_ => traced).ConfigureBatchFilter(_ => traced));
        return source.Build();
    }
}
