namespace ControlPlane.Aws;

/// <summary>What every deployment does to the database: the newest schema, and a login for each function that signs in with IAM. As the owner.</summary>
public sealed class MigrateDatabase(Migrator migrator, CreateFunctionLogins logins)
{
    /// <summary>RDS lets its members in with a token of IAM, and only with that.</summary>
    const string SignsInWithIam = "rds_iam";

    /// <returns>The names of the migrations that were applied; none when the schema was up to date.</returns>
    /// <exception cref="InvalidOperationException">The schema is newer than this program.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken ct)
    {
        var applied = await migrator.RunAsync(ct);
        await logins.RunAsync(SignsInWithIam, ct);
        return applied;
    }
}
