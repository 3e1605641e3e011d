using ControlPlane.Accounts.Members;
using ControlPlane.Notifications.Mail;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

/// <summary>
/// A part of the job <c>storage</c>: limits and counts the documents of each environment that runs, and tells its owner when there are as many as its plan includes.
/// Any number of processes may run it.
/// </summary>
public sealed class CountDocuments(ControlDatabase database, IDataPlane dataPlane, ControlPlaneOptions options, Clock clock, ILogger<CountDocuments> log)
{
    /// <summary>A tenant whose environment's row is locked for longer is counted in the next run.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var parts = new JobParts(JobSchedules.Storage, log);
        List<string> alerts = [];
        var counted = 0;
        foreach (var tenant in dataPlane.Ready == IDataPlane.Rendered ? [] : await FindAsync(ct))
        {
            await parts.TryAsync(
                "count the documents", tenant,
                async () =>
                {
                    var (environment, allowed) = await ReadAsync(tenant, ct);
                    if (await DocumentLimit.ApplyAsync(dataPlane, environment, allowed, ct) is { } documents && await ApplyAsync(environment, documents, allowed, ct) is { } count)
                    {
                        counted++;
                        alerts.AddRange(count.IsOver ? [Describe(environment.Slug, count)] : Array.Empty<string>());
                    }
                },
                ct);
        }

        return JobReport.Of(("documents_counted", counted)) with { Alerts = alerts, Failures = parts.Failures };
    }

    async Task<List<Guid>> FindAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Environments, row => row.GetGuid(0), ct, options.Region);
    }

    async Task<(TenantEnvironment Environment, long? Allowed)> ReadAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var environment = await TenantEnvironment.ReadAsync(transaction, options, tenant, clock.GetUtcNow(), ct);
        return (environment, await transaction.ScalarAsync<int?>(Override, ct, tenant) ?? environment.Plan.RagFiles);
    }

    /// <returns>null when the environment is not ready any more.</returns>
    async Task<DocumentCount?> ApplyAsync(TenantEnvironment environment, long documents, long? allowed, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.ScalarAsync<string>(Lock, ct, environment.Tenant) is null)
        {
            return null;
        }

        var now = clock.GetUtcNow();
        var before = await transaction.FirstAsync(Select, row => DocumentTable.Read(row, 0), ct, environment.Tenant) ?? new DocumentCount(0, allowed, now);
        var after = before.Counted(documents, allowed, now);
        await transaction.WriteDocumentsAsync(environment.Tenant, after, ct);
        foreach (var recipient in after.Announced > before.Announced ? await transaction.ConfirmedOwnersAndBillingAsync(environment.Tenant, ct) : [])
        {
            await transaction.EnqueueAsync(clock, DocumentMail.Create(options, environment, after, recipient), ct);
        }

        await transaction.CommitAsync(ct);
        return after;
    }

    static string Describe(string slug, DocumentCount count) =>
        $"The environment of {slug} has {count.Documents} of {count.Allowed} documents: it accepts no further ones, and its owner was told. A larger plan or a limit of its own ends this alert.";

    const string Environments = """
        select e.tenant_id from control.environment e join control.tenant t on t.id = e.tenant_id
        where e.state = 'ready' and t.region = $1 order by e.tenant_id
        """;

    const string Override = "select rag_files from control.budget_override where tenant_id = $1";

    const string Lock = "select state from control.environment where tenant_id = $1 and state = 'ready' for update";

    const string Select = $"select {DocumentTable.Columns} from control.environment_documents d where tenant_id = $1";
}
