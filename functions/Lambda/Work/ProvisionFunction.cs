using System.Text.Json;
using Amazon.Lambda.SQSEvents;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>
/// Brings environments to their desired state, when a message announces work and every minute in any case, measures their storage, and checks the routes of models. Concurrent invocations take
/// leases on the runs that they execute. A run that exceeds Lambda's timeout is released, and the next invocation resumes it after its last completed step.
/// </summary>
sealed class ProvisionFunction(IHost host, ScheduledJobHandler jobHandler, RunProvisioning provisioning, ProvisioningNotifier notifier, ILogger<ProvisionFunction> log) : Function(host)
{
    /// <summary>The jobs that reach the data plane, or the providers with its keys.</summary>
    public static IReadOnlyList<JobSchedule> Serves { get; } = [JobSchedules.Provision, JobSchedules.Storage, JobSchedules.Health];

    /// <summary>Time to finish the current step, release the run and notify the next invocation.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(20);

    public static async Task<Function> ComposeAsync(FunctionEnvironment environment)
    {
        var builder = Composition.NewHost(environment.Configuration);
        Composition.RequireSecretsKey(builder.Configuration);
        var settings = builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddProvisioning(builder.Configuration, settings);
        builder.Services.AddJobs();
        var host = await builder.StartAsync(environment);
        var jobHandler = ActivatorUtilities.CreateInstance<ScheduledJobHandler>(host.Services, Serves);
        return ActivatorUtilities.CreateInstance<ProvisionFunction>(host.Services, host, jobHandler);
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var work = EventsJson.Read<WorkEvent>(input);
        return work.Records is { } messages
            ? EventsJson.Write(await ReceiveAsync(messages, invocation))
            : EventsJson.Write(await jobHandler.RunAsync(work.Job, invocation));
    }

    async Task<SQSBatchResponse> ReceiveAsync(List<SQSEvent.SQSMessage> messages, Invocation invocation)
    {
        var read = messages.Select(message => (message.MessageId, Request: Read(message))).ToList();
        var tenants = read.Where(message => message.Request is not null).Select(message => message.Request!.TenantId).ToList();
        if (tenants.Count > 0)
        {
            // Once for all messages: a run processes all work that is due.
            await ProvisionAsync(tenants, invocation);
        }

        return new SQSBatchResponse(
            [.. read.Where(message => message.Request is null).Select(message => new SQSBatchResponse.BatchItemFailure { ItemIdentifier = message.MessageId })]);
    }

    async Task ProvisionAsync(List<Guid?> tenants, Invocation invocation)
    {
        try
        {
            foreach (var alert in (await provisioning.RunAsync(invocation.Deadline)).Alerts)
            {
                log.LogWarning("Job {Job} raises an alert: {Alert}", JobSchedules.Provision.Name, alert);
            }
        }
        catch (OperationCanceledException) when (invocation.Deadline.IsCancellationRequested)
        {
            await notifier.SendAsync(tenants);
            log.LogInformation("Provisioning reached the invocation's deadline; the next invocation continues");
        }
    }

    /// <returns>null if the message is malformed; the queue delivers it again and finally dead-letters it.</returns>
    ProvisioningRequested? Read(SQSEvent.SQSMessage message)
    {
        try
        {
            return JsonSerializer.Deserialize(message.Body, EventsJson.Default.ProvisioningRequested);
        }
        catch (JsonException)
        {
            log.LogError("Message {Message} is malformed: expected {{\"tenant_id\": \"…\"}}", message.MessageId);
            return null;
        }
    }
}
