using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>Every job of the schedule except provisioning.</summary>
sealed class JobsFunction(IHost host, ScheduledJobHandler runs, ProvisioningNotifier nudges) : Function(host)
{
    public static IReadOnlyList<JobSchedule> Serves { get; } = [.. JobSchedules.All.Except(ProvisionFunction.Serves)];

    /// <summary>A statement has to be cancelled and rolled back, on both sides.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(10);

    public static async Task<Function> ComposeAsync(FunctionEnvironment around)
    {
        var builder = Composition.NewHost(around.Configuration);
        Composition.RequireSecretsKey(builder.Configuration);
        var settings = builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddSignup();
        builder.Services.AddLimits();
        builder.Services.AddBilling(builder.Configuration, settings);
        builder.Services.AddMessages(builder.Configuration, settings);
        builder.Services.AddJobs();
        var host = await builder.StartAsync(around);
        return new JobsFunction(host, ActivatorUtilities.CreateInstance<ScheduledJobHandler>(host.Services, Serves), host.Services.GetRequiredService<ProvisioningNotifier>());
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        try
        {
            return EventsJson.Write(await runs.RunAsync(EventsJson.Read<WorkEvent>(input).Job, invocation));
        }
        finally
        {
            await nudges.SendAsync();
        }
    }
}
