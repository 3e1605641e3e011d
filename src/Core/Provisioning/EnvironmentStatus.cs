namespace ControlPlane.Provisioning;

/// <param name="StartedAt">Real time, so that steps have a duration in a sandbox too.</param>
public sealed record StepStatus(string Name, string State, string? Detail, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);

/// <summary>What an environment stores.</summary>
/// <param name="UsedBytes">On disk.</param>
/// <param name="AllowedBytes">By its plan, or as an operator has set for this tenant.</param>
/// <param name="StopsAt">When it is stopped if it still stores too much; null: it does not, or is stopped already.</param>
/// <param name="StoppedAt">Since when it is stopped because of its storage.</param>
public sealed record StorageStatus(long UsedBytes, long AllowedBytes, DateTimeOffset MeasuredAt, DateTimeOffset? StopsAt, DateTimeOffset? StoppedAt)
{
    internal static StorageStatus Of(EnvironmentStorage storage) => new(
        storage.Bytes, storage.AllowedBytes, storage.MeasuredAt, storage.IsOver && storage.StoppedAt is null ? storage.GraceUntil : null, storage.StoppedAt);
}

/// <summary>The documents for retrieval that an environment has.</summary>
/// <param name="Used">Pictures in chats are not counted.</param>
/// <param name="Allowed">By its plan, or as an operator has set for this tenant; null: any number.</param>
public sealed record DocumentStatus(long Used, long? Allowed, DateTimeOffset CountedAt);

/// <summary>An environment with the steps of its latest run.</summary>
/// <param name="Detail">When ready: <c>running</c>, or <c>rendered</c> where no container engine is present.</param>
/// <param name="Region">Where the tenant's data belongs.</param>
/// <param name="FailedReason">Why the last attempt failed, also while the next one is pending. For tenants one sentence; for operators what the step reported.</param>
public sealed record EnvironmentStatus(
    string State, string? Detail, string Address, string Region, string? FailedStep, string? FailedReason, DateTimeOffset UpdatedAt,
    IReadOnlyList<StepStatus> Steps)
{
    /// <summary>Host name of the API for the tenant's own applications; null where the plan has none.</summary>
    public string? ApiAddress { get; init; }

    /// <summary>null before the first measurement, and where storage is not measured.</summary>
    public StorageStatus? Storage { get; init; }

    /// <summary>null before they are counted, and where they are not.</summary>
    public DocumentStatus? Documents { get; init; }

    /// <summary>Of its dedicated Ollama, those of the plan and own weights; null without one.</summary>
    public IReadOnlyList<TenantModel>? Models { get; init; }

    /// <summary>As its tenant sees it: without the details of steps, which name parts of the platform and quote errors.</summary>
    /// <returns>null before the tenant is activated. An active tenant's missing environment is <c>requested</c>: see <see cref="MissingEnvironments"/>.</returns>
    public static async Task<EnvironmentStatus?> ReadAsync(Transaction transaction, ControlPlaneOptions options, Guid tenant, CancellationToken ct) =>
        await ReadForOperatorAsync(transaction, options, tenant, ct) is { } status
            ? status with
            {
                FailedReason = status.FailedStep is { } step ? ProvisioningSteps.DescribeFailure(step) : null,
                Steps = [.. status.Steps.Select(step => step with { Detail = step.State == "failed" ? ProvisioningSteps.DescribeFailure(step.Name) : null })],
            }
            : null;

    /// <summary>As operators see it: with everything that its steps reported.</summary>
    /// <returns>null where <see cref="ReadAsync"/> returns null.</returns>
    public static async Task<EnvironmentStatus?> ReadForOperatorAsync(Transaction transaction, ControlPlaneOptions options, Guid tenant, CancellationToken ct)
    {
        var steps = await transaction.QueryAsync(
            LatestSteps,
            row => new StepStatus(row.GetString(0), row.GetString(1), row.Get<string>(2), row.Get<DateTimeOffset?>(3), row.Get<DateTimeOffset?>(4)),
            ct, tenant);
        var models = await transaction.ModelsAsync(tenant, ct);
        return await transaction.FirstAsync(
            Select,
            row => new EnvironmentStatus(
                row.GetString(0), row.Get<string>(1), row.Get<string>(2) ?? options.AddressOf(row.GetString(7)), row.GetString(3), row.Get<string>(4), row.Get<string>(5),
                row.GetFieldValue<DateTimeOffset>(6), steps.Count > 0 ? steps : FirstSteps)
            {
                ApiAddress = row.Get<bool?>(8) == true ? TenantEnvironment.ApiAddressOf(row.Get<string>(2) ?? options.AddressOf(row.GetString(7))) : null,
                Storage = row.IsDBNull(9) ? null : StorageStatus.Of(StorageTable.Read(row, 9)),
                Models = models.Count > 0 ? models : null,
                Documents = row.IsDBNull(16) ? null : DocumentsOf(DocumentTable.Read(row, 16)),
            },
            ct, tenant);
    }

    static DocumentStatus DocumentsOf(DocumentCount count) => new(count.Documents, count.Allowed, count.CountedAt);

    static IReadOnlyList<StepStatus> FirstSteps => [.. ProvisioningSteps.Of(RunKinds.Provision).Select(name => new StepStatus(name, "pending", null, null, null))];

    const string Select = $"""
        select coalesce(e.state, 'requested'), e.detail, e.address, t.region, e.failed_step, e.failed_reason, coalesce(e.updated_at, t.verified_at, t.created_at), t.slug,
               p.api_access, {StorageTable.Columns}, {DocumentTable.Columns}
        from control.tenant t left join control.environment e on e.tenant_id = t.id
        left join control.subscription u on u.tenant_id = t.id
        left join control.plan p on p.name = coalesce(u.plan, t.requested_plan)
        left join control.environment_storage s on s.tenant_id = e.tenant_id and e.state in ({StorageTable.MeasuredStates})
        left join control.environment_documents d on d.tenant_id = e.tenant_id and e.state in ({StorageTable.MeasuredStates})
        where t.id = $1 and (e.tenant_id is not null or ({MissingEnvironments.IsMissing}))
        """;

    const string LatestSteps = """
        select name, state, detail, started_at, finished_at from control.provisioning_step
        where run_id = (select id from control.provisioning_run where tenant_id = $1 order by ordinal desc limit 1)
        order by ordinal
        """;
}
