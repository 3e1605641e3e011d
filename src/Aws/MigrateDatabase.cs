namespace ControlPlane.Aws;

/// <summary>Run as the database's owner at every deployment: migrates the schema and creates a login for each function that signs in with IAM.</summary>
public sealed class MigrateDatabase(Migrator migrator, CreateFunctionLogins logins)
{
    /// <summary>RDS accepts only IAM tokens from members of this role.</summary>
    const string IamRole = "rds_iam";

    /// <returns>The names of the applied migrations; empty if the schema was up to date.</returns>
    /// <exception cref="InvalidOperationException">The schema is newer than this program.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken ct)
    {
        var applied = await migrator.RunAsync(ct);
        await logins.RunAsync(IamRole, ct);
        return applied;
    }
}
