using System.Data;
using System.Diagnostics.CodeAnalysis;
using DbUp.Engine.Transactions;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Lets DbUp work on a connection that is open already and stays open, because it holds the migrator's lock. DbUp knows no cancellation: after it was
/// requested, DbUp gets no further command, and <see cref="CancelCommand"/> stops the one that is running.
/// </summary>
sealed class MigrationConnection(NpgsqlConnection connection, CancellationToken ct) : IDbConnection
{
    volatile NpgsqlCommand? _command;

    public IDbCommand CreateCommand()
    {
        ct.ThrowIfCancellationRequested();
        return _command = connection.CreateCommand();
    }

    /// <summary>Does nothing when none is running.</summary>
    public void CancelCommand() => _command?.Cancel();

    public IDbTransaction BeginTransaction() => connection.BeginTransaction();

    public IDbTransaction BeginTransaction(IsolationLevel il) => connection.BeginTransaction(il);

    [AllowNull]
    public string ConnectionString
    {
        get => connection.ConnectionString;
        set => throw new NotSupportedException();
    }

    public int ConnectionTimeout => connection.ConnectionTimeout;
    public string Database => connection.Database;
    public ConnectionState State => connection.State;

    public void ChangeDatabase(string databaseName) => throw new NotSupportedException();

    public void Open() => throw new NotSupportedException();

    public void Close()
    {
    }

    public void Dispose()
    {
    }

    public sealed class Manager(MigrationConnection connection) : DatabaseConnectionManager(_ => connection)
    {
        /// <summary>Npgsql splits it, and sends all statements in one round trip.</summary>
        public override IEnumerable<string> SplitScriptIntoCommands(string scriptContents) => [scriptContents];
    }
}
