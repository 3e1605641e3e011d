using System.Data;
using System.Runtime.ExceptionServices;
using DbUp.Engine;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Brings the schema up to date, one process at a time: DbUp runs the migrations that the database has not run yet, forward only, in the order of their
/// names, each in its own transaction. Then the functions whose text has changed are created. A process that was killed is continued by the next.
/// </summary>
public sealed class Migrator(ControlDatabase database, ControlPlaneOptions options, ILogger<Migrator> log)
{
    const int MaxAttempts = 10;

    static readonly TimeSpan CancelInterval = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <returns>The names of the migrations that were applied; none when the schema was up to date.</returns>
    /// <exception cref="InvalidOperationException">The schema is newer than this program.</exception>
    /// <exception cref="NpgsqlException">Database unreachable, or a script failed; it is rolled back, those before it are not.</exception>
    public Task<IReadOnlyList<string>> RunAsync(CancellationToken ct) => RunAsync(SchemaScripts.Migrations, SchemaScripts.Functions, ct);

    /// <inheritdoc cref="RunAsync(CancellationToken)"/>
    public async Task<IReadOnlyList<string>> RunAsync(
        IReadOnlyList<SchemaScript> migrations, IReadOnlyList<SchemaScript> functions, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await RunOnceAsync(migrations, functions, ct);
            }
            catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.InternalError, MessageText: "tuple concurrently updated" } && attempt < MaxAttempts)
            {
                // Roles are the server's, and the lock is the database's: another database there is migrated at the same time.
                await Task.Delay(RetryDelay, ct);
            }
        }
    }

    async Task<IReadOnlyList<string>> RunOnceAsync(
        IReadOnlyList<SchemaScript> migrations, IReadOnlyList<SchemaScript> functions, CancellationToken ct)
    {
        await using var connection = await database.OpenOwnerAsync(ct);
        await connection.ExecuteAsync("select pg_advisory_lock(hashtextextended('control.migrations', 0))", ct);
        try
        {
            var applied = await SchemaJournal.ReadAsync(connection, ct);
            var unknown = applied.Except(migrations.Select(migration => migration.Name)).Order(StringComparer.Ordinal).ToList();
            if (unknown.Count > 0)
            {
                throw new InvalidOperationException(
                    $"The database has run {string.Join(", ", unknown)}, which this program does not know: run the newer program that migrated it.");
            }

            applied = await UpgradeAsync(connection, migrations, ct);
            var created = await SqlFunctions.CreateAsync(connection, functions, ct);
            if (created.Count > 0)
            {
                log.LogInformation("Created the SQL functions {Functions}", string.Join(", ", created));
            }

            return applied;
        }
        finally
        {
            // A lost connection has released the lock already.
            if (connection.State == ConnectionState.Open)
            {
                await connection.ExecuteAsync("select pg_advisory_unlock(hashtextextended('control.migrations', 0))", CancellationToken.None);
            }
        }
    }

    async Task<IReadOnlyList<string>> UpgradeAsync(NpgsqlConnection connection, IReadOnlyList<SchemaScript> migrations, CancellationToken ct)
    {
        using var shared = new MigrationConnection(connection, ct);
        var manager = new MigrationConnection.Manager(shared);
        var upgradeLog = new MigrationLog(log);
        var journal = new PostgresqlTableJournal(() => manager, () => upgradeLog, SchemaJournal.Schema, SchemaJournal.TableName);
        await SchemaJournal.CreateAsync(journal, connection, ct);
        // For 0012_tenant_region. Of the session: the pool clears it.
        await connection.ExecuteAsync("select set_config('app.region', $1, false)", ct, options.Region);
        var engine = PostgresqlExtensions.PostgresqlDatabase(manager)
            .WithScripts(migrations.Select(migration => new SqlScript(migration.Name, migration.Sql)))
            .JournalTo(journal)
            .LogTo(upgradeLog)
            .WithVariablesDisabled()
            .WithTransactionPerScript()
            .Build();

        var result = await PerformAsync(engine, shared, ct);
        if (!result.Successful)
        {
            ct.ThrowIfCancellationRequested();
            log.LogError("Migration {Migration} failed: {Reason}", result.ErrorScript?.Name, result.Error.Message);
            ExceptionDispatchInfo.Throw(result.Error);
        }

        return [.. result.Scripts.Select(script => script.Name)];
    }

    /// <summary>DbUp is synchronous, so it gets a thread of its own.</summary>
    static async Task<DatabaseUpgradeResult> PerformAsync(UpgradeEngine engine, MigrationConnection connection, CancellationToken ct)
    {
        var upgrade = Task.Factory.StartNew(engine.PerformUpgrade, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await ((Task)upgrade).WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Again and again, because a command that has been created but not sent yet is not stopped.
        while (!upgrade.IsCompleted)
        {
            connection.CancelCommand();
            await Task.WhenAny(upgrade, Task.Delay(CancelInterval, CancellationToken.None));
        }

        return await upgrade;
    }
}
