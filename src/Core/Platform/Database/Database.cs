using System.Data;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// The password of a new connection, where it is no lasting one: a token, or a secret that rotates. Asked for every connection that is opened, and not by a
/// timer beforehand: the clock of a function that is frozen, or was restored from a snapshot, runs while its timers do not.
/// </summary>
/// <param name="login">Host, port and user that the connection is for.</param>
/// <remarks>Whatever it throws, the opening of the connection fails with an <see cref="NpgsqlException"/>: to callers, the database is away.</remarks>
public delegate ValueTask<string> PasswordProvider(NpgsqlConnectionStringBuilder login, CancellationToken ct);

/// <summary>
/// The database, as the roles that may use it. The login it comes in with is a member of them; no statement runs with the rights of the login
/// itself, except the owner's (decision 1).
/// </summary>
public sealed class ControlDatabase : IAsyncDisposable
{
    static readonly SessionRole App = new(DatabaseRoles.App);
    static readonly SessionRole Job = new(DatabaseRoles.Job);
    static readonly SessionRole Provisioning = new(DatabaseRoles.Provision);

    readonly string _connectionString;
    readonly PasswordProvider? _makePassword;
    readonly NpgsqlDataSource _app;
    readonly NpgsqlDataSource _job;
    readonly NpgsqlDataSource _sessions;
    readonly NpgsqlDataSource _provision;
    readonly NpgsqlDataSource _owner;

    /// <param name="connectionString">Npgsql connection string of a login that is a member of the roles, or owns the schema or is to own it.</param>
    /// <param name="makePassword">For connections of a connection string without a password.</param>
    public ControlDatabase(string connectionString, PasswordProvider? makePassword = null)
    {
        (_connectionString, _makePassword) = (connectionString, makePassword);
        // Roles have pools of their own, so that none takes the last connection from another, and plans made for one role are used by that role.
        _app = Pool(App.Role, maximumConnections: 50);
        _job = Pool(Job.Role, maximumConnections: 30);
        _provision = Pool(Provisioning.Role, maximumConnections: 5, traced: false);
        _sessions = Pool("control_session", maximumConnections: 20, keepsState: true);
        _owner = Pool("control_owner", maximumConnections: 5, keepsState: true);
    }

    /// <summary>Raised after each commit that queued work for a job: for hosts that can neither listen to the database nor wait for the schedule.</summary>
    public event Action<Announcement>? Announced;

    /// <summary>A transaction of tenant-facing code: every row it can see or write belongs to <paramref name="tenant"/>.</summary>
    /// <exception cref="NpgsqlException">Database unreachable.</exception>
    public Task<Transaction> BeginAsync(Guid tenant, CancellationToken ct) => BeginAsync(_app, App with { Tenant = tenant }, ct);

    /// <summary>A transaction of tenant-facing code before its tenant is known: it may look up one exact value through the
    /// <c>find_…</c> functions and read plans and models, nothing else.</summary>
    public Task<Transaction> BeginAnonymousAsync(CancellationToken ct) => BeginAsync(_app, App, ct);

    /// <summary>Tenant-facing code with a single statement, which finds its tenant itself: one round trip.</summary>
    public async Task<Session> OpenAppAsync(CancellationToken ct) => new(await _app.OpenConnectionAsync(ct), App);

    /// <summary>A transaction of a job or an operator: sees every tenant.</summary>
    public Task<Transaction> BeginJobAsync(CancellationToken ct) => BeginAsync(_job, Job, ct);

    /// <summary>A transaction of a job in which every statement sees the same moment (repeatable read).</summary>
    public Task<Transaction> BeginJobSnapshotAsync(CancellationToken ct) => BeginAsync(_job, Job, ct, IsolationLevel.RepeatableRead);

    /// <summary>A session of a job: for advisory locks and LISTEN.</summary>
    public async Task<Session> OpenJobAsync(CancellationToken ct) => new(await _sessions.OpenConnectionAsync(ct), Job);

    /// <summary>A transaction that may make and drop the roles and schemas of environments.</summary>
    public Task<Transaction> BeginProvisioningAsync(CancellationToken ct) => BeginAsync(_provision, Provisioning, ct);

    /// <summary>A connection with the rights of the login: for the migrator, whose login owns the schema.</summary>
    public async Task<NpgsqlConnection> OpenOwnerAsync(CancellationToken ct) => await _owner.OpenConnectionAsync(ct);

    /// <summary>Opens new connections from now on: after a pause in which nobody answered for those that are open, they may be gone.</summary>
    public void ClearPools()
    {
        _app.Clear();
        _job.Clear();
        _provision.Clear();
        _sessions.Clear();
        _owner.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _job.DisposeAsync();
        await _provision.DisposeAsync();
        await _sessions.DisposeAsync();
        await _owner.DisposeAsync();
    }

    async Task<Transaction> BeginAsync(
        NpgsqlDataSource source, SessionRole rights, CancellationToken ct, IsolationLevel isolation = IsolationLevel.ReadCommitted)
    {
        var connection = await source.OpenConnectionAsync(ct);
        try
        {
            // Sent with the first statement.
            return new Transaction(connection, await connection.BeginTransactionAsync(isolation, ct), rights, work => Announced?.Invoke(work));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <param name="keepsState">True where sessions hold locks, settings or subscriptions, which have to be cleared before the next user. Elsewhere
    /// nothing outlives a transaction, and clearing would cost: the server forgets its plans, and RDS Proxy takes the session for one that it cannot share.</param>
    /// <param name="traced">False for a role whose statements hold what no trace may: password verifiers.</param>
    NpgsqlDataSource Pool(string name, int maximumConnections, bool keepsState = false, bool traced = true)
    {
        var settings = new NpgsqlConnectionStringBuilder(_connectionString)
        {
            ApplicationName = name,
            MaxPoolSize = maximumConnections,
            NoResetOnClose = !keepsState,
        };
        if (!keepsState && !settings.Keys.Cast<string>().Contains("Max Auto Prepare"))
        {
            // Statements are planned once for each connection: planning one takes several times as long as running it. What cannot keep them apart, such as an
            // old PgBouncer, needs 0 in the connection string.
            (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (64, 2);
        }

        var source = new NpgsqlDataSourceBuilder(settings.ToString());
        source.ConfigureTracing(tracing => tracing.ConfigureCommandFilter(_ => traced).ConfigureBatchFilter(_ => traced));
        if (_makePassword is { } make && settings is { Password: null, Passfile: null })
        {
            source.UsePasswordProvider(
                _ => throw new NotSupportedException("Connections are opened asynchronously."), (login, ct) => make(login, ct));
        }

        return source.Build();
    }
}
