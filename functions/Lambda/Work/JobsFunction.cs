using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>Every job of the schedule except provisioning.</summary>
sealed class JobsFunction(IHost host, ScheduledJobHandler jobHandler, ProvisioningNotifier notifier) : Function(host)
{
    public static IReadOnlyList<JobSchedule> Serves { get; } = [.. JobSchedules.All.Except(ProvisionFunction.Serves)];

    // During a deployment, the former release's schedule still sends its job.
    static IReadOnlyList<JobSchedule> HandledJobs { get; } = [.. Serves, JobSchedules.FormerOutbox];

    /// <summary>Time to cancel a statement and roll it back, on client and server.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(10);

    public static async Task<Function> ComposeAsync(FunctionEnvironment environment)
    {
        var builder = Composition.NewHost(environment.Configuration);
        Composition.RequireSecretsKey(builder.Configuration);
        var settings = builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddSignup(builder.Configuration, settings);
        builder.Services.AddGateway(builder.Configuration);
        builder.Services.AddLimits();
        builder.Services.AddBilling(builder.Configuration, settings);
        builder.Services.AddStripe(builder.Configuration);
        builder.Services.AddMessages(builder.Configuration, settings);
        builder.Services.AddJobs();
        var host = await builder.StartAsync(environment);
        return new JobsFunction(host, ActivatorUtilities.CreateInstance<ScheduledJobHandler>(host.Services, HandledJobs), host.Services.GetRequiredService<ProvisioningNotifier>());
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        try
        {
            return EventsJson.Write(await jobHandler.RunAsync(EventsJson.Read<WorkEvent>(input).Job, invocation));
        }
        finally
        {
            await notifier.SendAsync();
        }
    }
}
