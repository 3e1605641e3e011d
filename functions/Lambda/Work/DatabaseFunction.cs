using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>What a deployment asks for, or Secrets Manager when it rotates the owner's password.</summary>
/// <param name="Job"><c>migrate</c>; null for a rotation.</param>
/// <param name="Step">Of the rotation.</param>
/// <param name="ClientRequestToken">The version of the secret that is to come into force.</param>
sealed record DatabaseEvent(string? Job, string? Step, string? SecretId, string? ClientRequestToken);

/// <summary>The only function that signs in as the database's owner, and nobody can call it from outside: migrations, and the owner's new password.</summary>
sealed class DatabaseFunction(IHost host, ILogger<DatabaseFunction> log) : Function(host)
{
    const string Migrate = "migrate";

    /// <summary>A migration under way is rolled back.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(10);

    public static async Task<Function> ComposeAsync(FunctionEnvironment around)
    {
        var builder = Composition.NewHost(around.Configuration);
        var connection = Settings.ReadConnection(around.Configuration);
        builder.Services.AddSingleton(Settings.ReadOptions(around.Configuration));
        builder.Services.AddSingleton(services => new ControlDatabase(connection, services.GetRequiredService<PasswordProvider>()));
        builder.Services.AddSingleton<Migrator>();
        builder.Services.AddTelemetryExport(around.Configuration);
        var host = await builder.StartAsync(around);
        return ActivatorUtilities.CreateInstance<DatabaseFunction>(host.Services, host);
    }

    /// <exception cref="JobFailedException">It asks for nothing that is done here, or the time was up.</exception>
    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var asked = EventsJson.Read<DatabaseEvent>(input);
        try
        {
            return EventsJson.Write(asked switch
            {
                { Job: Migrate } => await MigrateAsync(invocation.Deadline),
                { Step: { } step, SecretId: { } secret, ClientRequestToken: { } version } => await RotateAsync(step, secret, version, invocation.Deadline),
                _ => throw new JobFailedException($$"""Send {"job": "{{Migrate}}"}, or a step of a rotation as Secrets Manager does: "Step", "SecretId" and "ClientRequestToken"."""),
            });
        }
        catch (OperationCanceledException) when (invocation.Deadline.IsCancellationRequested)
        {
            throw new JobFailedException("The time was up. What was not finished is rolled back; ask again.");
        }
    }

    async Task<JobAnswer> MigrateAsync(CancellationToken ct)
    {
        var applied = await Services.GetRequiredService<MigrateDatabase>().RunAsync(ct);
        log.LogInformation("Migrated: {Migrations}", applied.Count == 0 ? "the schema is up to date" : string.Join(", ", applied));
        return new JobAnswer(Migrate, "succeeded", new Dictionary<string, long> { ["migrations"] = applied.Count });
    }

    async Task<JobAnswer> RotateAsync(string step, string secret, string version, CancellationToken ct)
    {
        await Services.GetRequiredService<RotateOwnerPassword>().RunAsync(step, secret, version, ct);
        log.LogInformation("Rotation of {Secret}: {Step} is done for version {Version}", secret, step, version);
        return new JobAnswer("rotate", "succeeded");
    }
}
