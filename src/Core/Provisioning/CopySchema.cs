using System.ComponentModel;
using System.Globalization;
using System.Text;
using CliWrap;

namespace ControlPlane.Provisioning;

/// <param name="Owner">The role that owns everything in the schema.</param>
public sealed record SchemaCopy(string Schema, string Owner, string TargetDatabase, string TargetSchema, string TargetOwner);

/// <summary>Copies a schema of the control plane's database to an environment's own: <c>pg_dump</c>, piped into <c>pg_restore</c>.</summary>
public sealed class CopySchema(ControlDatabase database, ProvisioningOptions options)
{
    const int ShownCharacters = 2000;

    /// <exception cref="StepFailedException">None is installed that is as new as the server; the message says what to do.</exception>
    public async Task<PostgresTools> FindToolsAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginProvisioningAsync(ct);
        var server = await transaction.ScalarAsync<string>("select current_setting('server_version_num')", ct);
        return await PostgresTools.FindAsync(int.Parse(server!, CultureInfo.InvariantCulture) / 10_000, options.WithoutPostgresTools, ct);
    }

    /// <summary>Replaces whatever the target schema contains. Nothing else may use it meanwhile.</summary>
    /// <exception cref="StepFailedException">One of the programs failed; the message quotes it.</exception>
    public async Task RunAsync(PostgresTools tools, SchemaCopy copy, CancellationToken ct)
    {
        // Restored under its old name, which the dump contains, and renamed at the end.
        var (old, target) = ($"\"{copy.Schema}\"", $"\"{copy.TargetSchema}\"");
        await ChangeAsync(copy.TargetDatabase, ct, $"drop schema if exists {old}, {target} cascade", $"create schema {old} authorization {copy.TargetOwner}");
        var (dumpErrors, restoreErrors) = (new StringBuilder(), new StringBuilder());
        // The pattern of pg_dump is quoted, because slugs contain hyphens; pg_restore takes a name. It does not restore the schema itself.
        var dump = Cli.Wrap(tools.Dump)
            .WithArguments(["--format=custom", "--no-owner", "--no-privileges", $"--role={copy.Owner}", $"--schema={old}"])
            .WithEnvironmentVariables(await database.LibpqVariablesAsync(environmentDatabase: null, ct))
            .WithStandardErrorPipe(PipeTarget.ToStringBuilder(dumpErrors))
            .WithValidation(CommandResultValidation.None);
        var restore = Cli.Wrap(tools.Restore)
            .WithArguments(
                ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", $"--role={copy.TargetOwner}", $"--schema={copy.Schema}", $"--dbname={copy.TargetDatabase}"])
            .WithEnvironmentVariables(await database.LibpqVariablesAsync(copy.TargetDatabase, ct))
            .WithStandardErrorPipe(PipeTarget.ToStringBuilder(restoreErrors))
            .WithValidation(CommandResultValidation.None);
        CommandResult result;
        try
        {
            result = await (dump | restore).ExecuteAsync(ct);
        }
        catch (Win32Exception e)
        {
            throw new StepFailedException($"{tools.Dump} could not be started: {e.Message}", e);
        }

        // pg_restore fails as well when the dump is cut off, so its exit code is enough; the reason is what pg_dump wrote, if anything.
        if (result.ExitCode != 0)
        {
            var text = $"{dumpErrors}{restoreErrors}".Trim();
            throw new StepFailedException($"Copying the schema {copy.Schema} failed: {text[..Math.Min(text.Length, ShownCharacters)]}");
        }

        await ChangeAsync(copy.TargetDatabase, ct, $"alter schema {old} rename to {target}");
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
}
