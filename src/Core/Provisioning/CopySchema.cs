using System.ComponentModel;
using System.Globalization;
using System.Text;
using CliWrap;
using Credentials = ControlPlane.Accounts.ApiKeys.Credentials;

namespace ControlPlane.Provisioning;

/// <param name="Owner">The role that owns everything in the schema.</param>
public sealed record SchemaCopy(string Schema, string Owner, string TargetDatabase, string TargetSchema, string TargetOwner);

/// <summary>
/// Copies a schema of the control plane's database to an environment's own: <c>pg_dump</c>, piped into <c>pg_restore</c>. A restore runs code that the tenant has
/// stored, such as functions in constraints, and no <c>SET ROLE</c> confines it: so both sign in with logins that have the rights of the schema's owner only.
/// </summary>
public sealed class CopySchema(ControlDatabase database, ProvisioningOptions options)
{
    const int ShownCharacters = 2000;
    static readonly TimeSpan Timeout = TimeSpan.FromHours(2);

    /// <exception cref="StepFailedException">None is installed that is as new as the server; the message says what to install.</exception>
    public async Task<PostgresTools> FindToolsAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginProvisioningAsync(ct);
        var server = await transaction.ScalarAsync<string>("select current_setting('server_version_num')", ct);
        return await PostgresTools.FindAsync(int.Parse(server!, CultureInfo.InvariantCulture) / 10_000, options.WithoutPostgresTools, ct);
    }

    /// <summary>Replaces whatever the target schema contains. Nothing else may use it meanwhile.</summary>
    /// <param name="targetPassword">Of the login <see cref="SchemaCopy.TargetOwner"/>.</param>
    /// <exception cref="StepFailedException">One of the programs failed; the message quotes it.</exception>
    public async Task RunAsync(PostgresTools tools, SchemaCopy copy, string targetPassword, CancellationToken ct)
    {
        // Restored under its old name, which the dump contains, and renamed at the end.
        var (old, target) = ($"\"{copy.Schema}\"", $"\"{copy.TargetSchema}\"");
        await ChangeAsync(
            copy.TargetDatabase, ct,
            // Of an attempt that was interrupted.
            $"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = '{copy.TargetOwner}'",
            $"drop schema if exists {old}, {target} cascade", $"create schema {old} authorization {copy.TargetOwner}");
        var readerPassword = Credentials.New();
        await CreateReaderAsync(copy.Owner, readerPassword, ct);
        try
        {
            // The pattern of pg_dump is quoted, because slugs contain hyphens; pg_restore takes a name. It does not restore the schema itself.
            await RunAsync(
                copy.Schema,
                Cli.Wrap(tools.Dump)
                    .WithArguments(["--format=custom", "--no-owner", "--no-privileges", $"--schema={old}"])
                    .WithEnvironmentVariables(database.LibpqVariables(environmentDatabase: null, ReaderOf(copy.Owner), readerPassword)),
                Cli.Wrap(tools.Restore)
                    .WithArguments(
                        ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", $"--schema={copy.Schema}", $"--dbname={copy.TargetDatabase}"])
                    .WithEnvironmentVariables(database.LibpqVariables(copy.TargetDatabase, copy.TargetOwner, targetPassword)),
                ct);
        }
        finally
        {
            await RemoveReaderAsync(copy.Owner, CancellationToken.None);
        }

        await ChangeAsync(copy.TargetDatabase, ct, $"alter schema {old} rename to {target}");
    }

    /// <summary>Drops the login that reads the schemas of <paramref name="owner"/>, which exists while they are copied or after that was interrupted.</summary>
    public async Task RemoveReaderAsync(string owner, CancellationToken ct)
    {
        var reader = ReaderOf(owner);
        await using var transaction = await database.BeginProvisioningAsync(ct);
        if (await transaction.ScalarAsync<bool>(RoleExists, ct, reader))
        {
            await transaction.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", ct, reader);
            await transaction.ExecuteAsync($"drop owned by \"{reader}\"", ct);
            await transaction.ExecuteAsync($"drop role \"{reader}\"", ct);
            await transaction.CommitAsync(ct);
        }
    }

    // The owner's own login is closed meanwhile, so that nothing is written that the copy would miss.
    async Task CreateReaderAsync(string owner, string password, CancellationToken ct)
    {
        var (reader, verifier) = ($"\"{ReaderOf(owner)}\"", ScramVerifier.Of(password));
        await using var transaction = await database.BeginProvisioningAsync(ct);
        if (!await transaction.ScalarAsync<bool>(RoleExists, ct, ReaderOf(owner)))
        {
            await transaction.ExecuteAsync($"create role {reader} nologin", ct);
            await transaction.ExecuteAsync($"grant {reader} to current_user", ct);
        }

        await transaction.ExecuteAsync($"grant \"{owner}\" to {reader}", ct);
        var own = await transaction.ScalarAsync<string>("select quote_ident(current_database())", ct);
        await transaction.ExecuteAsync($"grant connect on database {own} to {reader}", ct);
        await transaction.ExecuteAsync($"alter role {reader} login password '{verifier}'", ct);
        await transaction.CommitAsync(ct);
    }

    static string ReaderOf(string owner) => $"{owner}_copy";

    static async Task RunAsync(string schema, Command dump, Command restore, CancellationToken ct)
    {
        var (dumpErrors, restoreErrors) = (new StringBuilder(), new StringBuilder());
        var pipe = dump.WithStandardErrorPipe(PipeTarget.ToStringBuilder(dumpErrors)).WithValidation(CommandResultValidation.None)
            | restore.WithStandardErrorPipe(PipeTarget.ToStringBuilder(restoreErrors)).WithValidation(CommandResultValidation.None);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Timeout);
        CommandResult result;
        try
        {
            result = await pipe.ExecuteAsync(deadline.Token);
        }
        catch (Win32Exception e)
        {
            throw new StepFailedException($"{dump.TargetFilePath} could not be started: {e.Message}", e);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new StepFailedException($"Copying the schema {schema} did not finish within {Timeout.TotalHours:0} hours.");
        }

        // pg_restore fails as well when the dump is cut off, so its exit code is enough; the reason is what pg_dump wrote, if anything.
        if (result.ExitCode != 0)
        {
            var text = $"{dumpErrors}{restoreErrors}".Trim();
            throw new StepFailedException($"Copying the schema {schema} failed: {text[..Math.Min(text.Length, ShownCharacters)]}");
        }
    }

    async Task ChangeAsync(string target, CancellationToken ct, params string[] statements)
    {
        await using var transaction = await database.BeginProvisioningAsync(target, ct);
        foreach (var statement in statements)
        {
            await transaction.ExecuteAsync(statement, ct);
        }

        await transaction.CommitAsync(ct);
    }

    const string RoleExists = "select exists (select from pg_roles where rolname = $1)";
}
