using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>Sent by a deployment to migrate, or by Secrets Manager to rotate the owner's password.</summary>
/// <param name="Job"><c>migrate</c>; null for a rotation.</param>
/// <param name="Step">Of the rotation.</param>
/// <param name="ClientRequestToken">The version of the secret to promote.</param>
sealed record DatabaseEvent(string? Job, string? Step, string? SecretId, string? ClientRequestToken);

/// <summary>Migrations and rotation of the owner's password: the only function that signs in as the database's owner. It has no public endpoint.</summary>
sealed class DatabaseFunction(IHost host, ILogger<DatabaseFunction> log) : Function(host)
{
    const string Migrate = "migrate";

    /// <summary>Time to roll back a migration.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(10);

    public static async Task<Function> ComposeAsync(FunctionEnvironment environment)
    {
        var builder = Composition.NewHost(environment.Configuration);
        var connection = Settings.ReadConnection(environment.Configuration);
        builder.Services.AddSingleton(Settings.ReadOptions(environment.Configuration));
        builder.Services.AddSingleton(services => new ControlDatabase(connection, services.GetRequiredService<PasswordProvider>()));
        builder.Services.AddSingleton<Migrator>();
        builder.Services.AddTelemetryExport(environment.Configuration);
        var host = await builder.StartAsync(environment);
        return ActivatorUtilities.CreateInstance<DatabaseFunction>(host.Services, host);
    }

    /// <exception cref="JobFailedException">The event is unknown, or the invocation timed out.</exception>
    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var request = EventsJson.Read<DatabaseEvent>(input);
        try
        {
            return EventsJson.Write(request switch
            {
                { Job: Migrate } => await MigrateAsync(invocation.Deadline),
                { Step: { } step, SecretId: { } secret, ClientRequestToken: { } version } => await RotateAsync(step, secret, version, invocation.Deadline),
                _ => throw new JobFailedException($$"""Send {"job": "{{Migrate}}"}, or a step of a rotation as Secrets Manager does: "Step", "SecretId" and "ClientRequestToken"."""),
            });
        }
        catch (OperationCanceledException) when (invocation.Deadline.IsCancellationRequested)
        {
            throw new JobFailedException("The invocation timed out. Unfinished work was rolled back; invoke it again.");
        }
    }

    async Task<JobResponse> MigrateAsync(CancellationToken ct)
    {
        var applied = await Services.GetRequiredService<MigrateDatabase>().RunAsync(ct);
        log.LogInformation("Migrated: {Migrations}", applied.Count == 0 ? "the schema is up to date" : string.Join(", ", applied));
        return new JobResponse(Migrate, "succeeded", new Dictionary<string, long> { ["migrations"] = applied.Count });
    }

    async Task<JobResponse> RotateAsync(string step, string secret, string version, CancellationToken ct)
    {
        await Services.GetRequiredService<RotateOwnerPassword>().RunAsync(step, secret, version, ct);
        log.LogInformation("Rotation of {Secret}: completed {Step} for version {Version}", secret, step, version);
        return new JobResponse("rotate", "succeeded");
    }
}
