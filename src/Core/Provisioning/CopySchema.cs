using System.Globalization;
using System.Text;
using CliWrap;
using Credentials = ControlPlane.Accounts.ApiKeys.Credentials;

namespace ControlPlane.Provisioning;

/// <summary>A schema of an environment on the control plane's server.</summary>
/// <param name="Database">null: the control plane's own.</param>
/// <param name="Owner">The login that owns everything in the schema.</param>
/// <param name="Target">Name of the schema on the environment's own server, and of the login that owns it there.</param>
public sealed record FormerSchema(string? Database, string Schema, string Owner, string Target);

/// <summary>
/// Copies a schema from the control plane's server to an environment's own: <c>pg_dump</c>, piped into <c>pg_restore</c> beside that server. A restore runs code
/// that the tenant has stored, such as functions in constraints, and no <c>SET ROLE</c> confines it: so both sign in with logins that have the rights of the
/// schema's owner only.
/// </summary>
public sealed class CopySchema(ControlDatabase database, IDataPlane dataPlane)
{
    const int ShownCharacters = 2000;
    static readonly TimeSpan Timeout = TimeSpan.FromHours(2), StatementTimeout = TimeSpan.FromMinutes(5);

    /// <exception cref="StepFailedException">None is installed that is as new as the server; the message says what to install.</exception>
    public async Task<string> FindDumpProgramAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginProvisioningAsync(ct);
        var server = await transaction.ScalarAsync<string>("select current_setting('server_version_num')", ct);
        return await PgDump.FindAsync(int.Parse(server!, CultureInfo.InvariantCulture) / 10_000, ct);
    }

    /// <summary>Replaces whatever the target schema contains. Nothing else may use it meanwhile.</summary>
    /// <param name="dumpProgram">Path of <c>pg_dump</c>.</param>
    /// <exception cref="StepFailedException">One of the programs failed; the message quotes it.</exception>
    public async Task RunAsync(string dumpProgram, TenantEnvironment environment, FormerSchema copy, CancellationToken ct)
    {
        // Restored under its old name, which the dump contains, and renamed at the end.
        var (old, target) = ($"\"{copy.Schema}\"", $"\"{copy.Target}\"");
        await ExecuteAsync(
            environment, ct,
            // Of an attempt that was interrupted.
            $"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{copy.Target}'",
            $"drop schema if exists {old} cascade", $"drop schema if exists {target} cascade", $"create schema {old} authorization {target}");
        var password = Credentials.New();
        await CreateReaderAsync(copy, password, ct);
        var errors = new StringBuilder();
        try
        {
            // The pattern of pg_dump is quoted, because slugs contain hyphens; pg_restore takes a name. It does not restore the schema itself.
            var dump = Cli.Wrap(dumpProgram)
                .WithArguments(["--format=custom", "--no-owner", "--no-privileges", $"--schema={old}"])
                .WithEnvironmentVariables(database.LibpqVariables(copy.Database, ReaderOf(copy.Owner), password))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(errors))
                .WithValidation(CommandResultValidation.None);
            // It fails as well when the dump is cut off.
            await dataPlane.RunBesideDatabaseAsync(
                environment,
                [
                    "pg_restore", $"--username={copy.Target}", $"--dbname={TenantEnvironment.DatabaseName}", "--single-transaction", "--exit-on-error", "--no-owner",
                    "--no-privileges", $"--schema={copy.Schema}",
                ],
                PipeSource.FromCommand(dump), Timeout, ct);
        }
        catch (StepFailedException e)
        {
            var text = $"{errors}{e.Message}".Trim();
            throw new StepFailedException($"Copying the schema {copy.Schema} failed: {text[..Math.Min(text.Length, ShownCharacters)]}", e);
        }
        finally
        {
            await RemoveReaderAsync(copy.Owner, CancellationToken.None);
        }

        if (copy.Schema != copy.Target)
        {
            await ExecuteAsync(environment, ct, $"alter schema {old} rename to {target}");
        }
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
    async Task CreateReaderAsync(FormerSchema copy, string password, CancellationToken ct)
    {
        var (reader, verifier) = ($"\"{ReaderOf(copy.Owner)}\"", ScramVerifier.Of(password));
        await using var transaction = await database.BeginProvisioningAsync(ct);
        if (!await transaction.ScalarAsync<bool>(RoleExists, ct, ReaderOf(copy.Owner)))
        {
            await transaction.ExecuteAsync($"create role {reader} nologin", ct);
            await transaction.ExecuteAsync($"grant {reader} to current_user", ct);
        }

        await transaction.ExecuteAsync($"grant \"{copy.Owner}\" to {reader}", ct);
        var source = await transaction.ScalarAsync<string>("select quote_ident(coalesce($1, current_database()))", ct, copy.Database);
        await transaction.ExecuteAsync($"grant connect on database {source} to {reader}", ct);
        await transaction.ExecuteAsync($"alter role {reader} login password '{verifier}'", ct);
        await transaction.CommitAsync(ct);
    }

    static string ReaderOf(string owner) => $"{owner}_copy";

    // As the superuser of the environment's server, which only the socket beside it accepts.
    Task<string> ExecuteAsync(TenantEnvironment environment, CancellationToken ct, params string[] statements) => dataPlane.RunBesideDatabaseAsync(
        environment,
        ["psql", "--username=postgres", $"--dbname={TenantEnvironment.DatabaseName}", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"],
        PipeSource.FromString($"{string.Join(";\n", statements)};\n"), StatementTimeout, ct);

    const string RoleExists = "select exists (select from pg_roles where rolname = $1)";
}
