using System.Text.Json;
using Amazon.Lambda.SQSEvents;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Work;

/// <summary>
/// Brings environments to their desired state: when a message says that there is work, and each minute in any case. Several do so at once; what
/// each has taken is its own by a lease. A run that takes longer than Lambda lets it is handed on: its steps are on record, and the next goes on.
/// </summary>
sealed class ProvisionFunction(IHost host, ScheduledJobHandler runs, RunProvisioning provisioning, ProvisioningNotifier nudges, ILogger<ProvisionFunction> log) : Function(host)
{
    public static IReadOnlyList<JobSchedule> Serves { get; } = [JobSchedules.Provision];

    /// <summary>A step under way has to end, and its run to be given back; then the message goes out for the next.</summary>
    public override TimeSpan Margin => TimeSpan.FromSeconds(20);

    public static async Task<Function> ComposeAsync(FunctionEnvironment around)
    {
        var builder = Composition.NewHost(around.Configuration);
        Composition.RequireSecretsKey(builder.Configuration);
        var settings = builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddProvisioning(builder.Configuration, settings);
        builder.Services.AddJobs();
        var host = await builder.StartAsync(around);
        var runs = ActivatorUtilities.CreateInstance<ScheduledJobHandler>(host.Services, Serves);
        return ActivatorUtilities.CreateInstance<ProvisionFunction>(host.Services, host, runs);
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var work = EventsJson.Read<WorkEvent>(input);
        return work.Records is { } messages
            ? EventsJson.Write(await ReceiveAsync(messages, invocation))
            : EventsJson.Write(await runs.RunAsync(work.Job, invocation));
    }

    async Task<SQSBatchResponse> ReceiveAsync(List<SQSEvent.SQSMessage> messages, Invocation invocation)
    {
        var read = messages.Select(message => (message.MessageId, ProvisioningRequested: Read(message))).ToList();
        var tenants = read.Where(message => message.ProvisioningRequested is not null).Select(message => message.ProvisioningRequested!.TenantId).ToList();
        if (tenants.Count > 0)
        {
            // One message is as good as many: whatever is due is taken up.
            await ProvisionAsync(tenants, invocation);
        }

        return new SQSBatchResponse(
            [.. read.Where(message => message.ProvisioningRequested is null).Select(message => new SQSBatchResponse.BatchItemFailure { ItemIdentifier = message.MessageId })]);
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
            await nudges.SendAsync(tenants);
            log.LogInformation("The time for provisioning was up: the next invocation goes on");
        }
    }

    /// <returns>null when it is no nudge: it is received again, and then set aside for an operator.</returns>
    ProvisioningRequested? Read(SQSEvent.SQSMessage message)
    {
        try
        {
            return JsonSerializer.Deserialize(message.Body, EventsJson.Default.ProvisioningRequested);
        }
        catch (JsonException)
        {
            log.LogError("Message {Message} is no news of work: it has to look like {{\"tenant_id\": \"…\"}}", message.MessageId);
            return null;
        }
    }
}
