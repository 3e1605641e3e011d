namespace ControlPlane.Provisioning;

public abstract record WeightsResult
{
    public sealed record Accepted(TenantModel Model) : WeightsResult;
    public sealed record Invalid(FieldErrors Errors) : WeightsResult;
    public sealed record NotInPlan(string Plan) : WeightsResult;
    public sealed record NotFound : WeightsResult;
    /// <param name="Reason">A sentence that says what to do instead.</param>
    public sealed record Conflict(string Reason) : WeightsResult;
}

/// <summary>A tenant's own weights in its dedicated Ollama. The job <c>provision</c> downloads and removes them (<see cref="PullModels"/>).</summary>
public sealed class OwnWeights(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    public const int Maximum = 20;

    /// <returns>null when the tenant's plan does not include own weights.</returns>
    public async Task<IReadOnlyList<TenantModel>?> ListAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.ScalarAsync<bool>(IsIncluded, ct, tenant) ? [.. (await transaction.ModelsAsync(tenant, ct)).Where(model => model.IsOwn)] : null;
    }

    /// <param name="name">Without the prefix <c>own/</c>, which is added.</param>
    public async Task<WeightsResult> AddAsync(Guid tenant, string? name, string? source, string actor, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("name", ModelSource.ValidateName(name));
        errors.Check("source", ModelSource.Validate(source));
        if (errors.Count > 0)
        {
            return new WeightsResult.Invalid(errors);
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.LockEnvironmentAsync(clock, options, tenant, ct);
        if (!await transaction.ScalarAsync<bool>("select exists (select from control.environment where tenant_id = $1 and state not in ('deleting', 'deleted'))", ct, tenant))
        {
            return new WeightsResult.Conflict("There is no environment yet: add weights once it has been requested.");
        }

        var environment = await TenantEnvironment.ReadAsync(transaction, options, tenant, clock.GetUtcNow(), ct);
        if (!environment.Plan.CustomWeights)
        {
            return new WeightsResult.NotInPlan(environment.Plan.Title);
        }

        var publicName = $"{ModelSource.Prefix}{name}";
        var models = await transaction.ModelsAsync(tenant, ct);
        if (Objection(environment, models, publicName, source!) is { } reason)
        {
            return new WeightsResult.Conflict(reason);
        }

        var added = await transaction.FirstAsync(Insert, TenantModels.Read, ct, tenant, publicName, source, clock.GetUtcNow());
        await transaction.AuditAsync(clock, tenant, actor, "weights.added", new { Name = publicName, Source = source }, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
        await transaction.CommitAsync(ct);
        return new WeightsResult.Accepted(added!);
    }

    /// <param name="name">With or without the prefix <c>own/</c>.</param>
    public async Task<WeightsResult> RemoveAsync(Guid tenant, string name, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var publicName = ModelSource.IsOwn(name) ? name : $"{ModelSource.Prefix}{name}";
        if (await transaction.FirstAsync(Remove, TenantModels.Read, ct, tenant, publicName) is not { } removed)
        {
            return new WeightsResult.NotFound();
        }

        await transaction.AuditAsync(clock, tenant, actor, "weights.removed", new { removed.Name, removed.Source }, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
        await transaction.CommitAsync(ct);
        return new WeightsResult.Accepted(removed);
    }

    static string? Objection(TenantEnvironment environment, List<TenantModel> models, string name, string source)
    {
        var own = models.FindAll(model => model.IsOwn);
        return environment.Models.FirstOrDefault(model => model.IsLocal && !ModelSource.IsOwn(model.Name) && model.Routes.Any(route => ModelSource.IsSame(route.ProviderName, source))) is { } included
                ? $"Your plan includes this model already, as {included.Name}."
            : own.Find(model => model.Name == name && model.State != "failed") is { } existing
                ? $"There are weights with the name {name} ({existing.State}): choose another name, or remove them first."
            : own.Find(model => model.Name != name && ModelSource.IsSame(model.Source, source)) is { } same
                ? $"The same weights are there as {same.Name}: use them under that name, or remove them first."
            : own.Count(model => model.Name != name) >= Maximum
                ? $"You have {Maximum} models of your own, which is the maximum: remove one first."
            : null;
    }

    const string IsIncluded = """
        select p.custom_weights from control.tenant t left join control.subscription s on s.tenant_id = t.id
        join control.plan p on p.name = coalesce(s.plan, t.requested_plan) where t.id = $1
        """;

    const string Insert = $"""
        insert into control.tenant_model (tenant_id, name, source, state, created_at) values ($1, $2, $3, 'requested', $4)
        on conflict (tenant_id, name) do update set
            source = $3, state = 'requested', reason = null, percent = null, size_bytes = null, digest = null, created_at = $4, claimed_until = null, next_attempt_at = null
        returning {TenantModels.Columns}
        """;

    // What is being downloaded is claimed: its process notices within seconds.
    const string Remove = $"""
        update control.tenant_model set state = 'removing', percent = null, reason = null, changed_after = case state when 'ready' then {TenantModels.LatestRun} else changed_after end
        where tenant_id = $1 and name = $2 and name like 'own/%' and state not in ('removing', 'removed')
        returning {TenantModels.Columns}
        """;
}
