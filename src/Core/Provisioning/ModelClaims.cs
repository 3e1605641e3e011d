namespace ControlPlane.Provisioning;

/// <summary>A model that a process downloads or removes.</summary>
/// <param name="Own">Bytes of the tenant's other weights.</param>
sealed record ClaimedModel(Guid Tenant, TenantModel Model, long Own)
{
    public bool IsRemoval => Model.State == "removing";
}

/// <summary>What has to be downloaded to dedicated Ollamas and removed from them: claims in <c>control.tenant_model</c>, in real time.</summary>
public sealed class ModelClaims(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    static readonly TimeSpan Claim = TimeSpan.FromMinutes(2), RetryInterval = TimeSpan.FromHours(1);

    /// <summary>Adds the local models of the plans to the environments that lack them.</summary>
    public async Task RequestPlanModelsAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        foreach (var tenant in await transaction.QueryAsync(Dedicated, row => row.GetGuid(0), ct, options.Region))
        {
            var environment = await TenantEnvironment.ReadAsync(transaction, options, tenant, clock.GetUtcNow(), ct);
            foreach (var model in environment.Models.Where(model => model.IsLocal && !ModelSource.IsOwn(model.Name)))
            {
                await transaction.ExecuteAsync(RequestPlanModel, ct, tenant, model.Name, model.Routes[0].ProviderName, clock.GetUtcNow());
            }
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Requests a run for each environment whose gateway does not know yet that own weights are ready or removed.</summary>
    public async Task ApplyAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        foreach (var (tenant, slug) in await transaction.QueryAsync(Changed, row => (row.GetGuid(0), row.GetString(1)), ct, options.Region))
        {
            await transaction.QueueProvisioningAsync(clock, options, tenant, slug, RunKinds.Provision, ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>The tenants for which something is due.</summary>
    internal async Task<List<Guid>> DueAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => row.GetGuid(0), ct, options.Region);
    }

    internal async Task<ClaimedModel?> ClaimAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FirstAsync(ClaimNext, TenantModels.Read, ct, tenant, Claim) is not { } model)
        {
            return null;
        }

        var own = await transaction.ScalarAsync<long>(OwnBytes, ct, tenant, model.Name);
        await transaction.CommitAsync(ct);
        return new ClaimedModel(tenant, model, own);
    }

    internal async Task<TenantEnvironment> ReadAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await TenantEnvironment.ReadAsync(transaction, options, tenant, clock.GetUtcNow(), ct);
    }

    /// <returns>False when the download has to stop: it was removed, or the environment is stopped or deleted.</returns>
    internal async Task<bool> RenewAsync(ClaimedModel claimed, int percent, CancellationToken ct) =>
        await WriteAsync(Renew, ct, claimed.Tenant, claimed.Model.Name, percent, Claim) > 0;

    internal async Task ReadyAsync(ClaimedModel claimed, PullResult.Present model, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync(Ready, ct, claimed.Tenant, claimed.Model.Name, model.Bytes, model.Digest);
        // So that it is offered at once.
        await transaction.AnnounceJobAsync(JobSchedules.Provision, claimed.Tenant, ct);
        await transaction.CommitAsync(ct);
    }

    /// <param name="isRetried">By itself, every hour.</param>
    internal Task FailAsync(ClaimedModel claimed, string reason, bool isRetried, CancellationToken ct) =>
        WriteAsync(Fail, ct, claimed.Tenant, claimed.Model.Name, reason, isRetried ? RetryInterval : null);

    internal Task RemovedAsync(ClaimedModel claimed, CancellationToken ct) => WriteAsync(Removed, ct, claimed.Tenant, claimed.Model.Name);

    async Task<int> WriteAsync(string sql, CancellationToken ct, params List<object?> args)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var written = await transaction.ExecuteAsync(sql, ct, args);
        await transaction.CommitAsync(ct);
        return written;
    }

    const string IsDue = """
        (m.state = 'requested' or (m.state in ('pulling', 'removing') and coalesce(m.claimed_until <= now(), true)) or (m.state = 'failed' and m.next_attempt_at <= now()))
        """;

    const string Due = $"""
        select distinct m.tenant_id from control.tenant_model m
        join control.environment e on e.tenant_id = m.tenant_id join control.tenant t on t.id = m.tenant_id
        where {IsDue} and e.state = 'ready' and t.region = $1
        """;

    // Removals first, which make room, then own weights.
    const string ClaimNext = $"""
        update control.tenant_model c set
            state = case c.state when 'removing' then 'removing' else 'pulling' end, claimed_until = now() + $2, percent = null, reason = null, next_attempt_at = null
        where (c.tenant_id, c.name) = (
            select m.tenant_id, m.name from control.tenant_model m join control.environment e on e.tenant_id = m.tenant_id
            where m.tenant_id = $1 and {IsDue} and e.state = 'ready'
            order by m.state = 'removing' desc, m.name like 'own/%' desc, m.created_at, m.name limit 1 for update of m skip locked)
        returning {TenantModels.Columns}
        """;

    const string Renew = """
        update control.tenant_model m set percent = $3, claimed_until = now() + $4
        where tenant_id = $1 and name = $2 and state = 'pulling'
          and exists (select from control.environment e where e.tenant_id = m.tenant_id and e.state in ('ready', 'updating'))
        """;

    const string Ready = $"""
        update control.tenant_model set state = 'ready', size_bytes = $3, digest = $4, percent = null, claimed_until = null, changed_after = {TenantModels.LatestRun}
        where tenant_id = $1 and name = $2 and state = 'pulling'
        """;

    const string Fail = """
        update control.tenant_model set state = case state when 'removing' then state else 'failed' end, reason = $3, percent = null,
            next_attempt_at = now() + $4, claimed_until = case state when 'removing' then now() + $4 end
        where tenant_id = $1 and name = $2 and state in ('pulling', 'removing')
        """;

    const string Removed = "update control.tenant_model set state = 'removed', size_bytes = null, claimed_until = null where tenant_id = $1 and name = $2 and state = 'removing'";

    const string OwnBytes = """
        select coalesce(sum(size_bytes), 0)::bigint from control.tenant_model where tenant_id = $1 and name like 'own/%' and name <> $2 and state = 'ready'
        """;

    const string Dedicated = """
        select e.tenant_id from control.environment e join control.tenant t on t.id = e.tenant_id left join control.subscription s on s.tenant_id = t.id
        join control.plan p on p.name = coalesce(s.plan, t.requested_plan)
        where e.state = 'ready' and t.region = $1 and p.compute ilike 'dedicated%'
        """;

    const string RequestPlanModel = """
        insert into control.tenant_model (tenant_id, name, source, state, created_at) values ($1, $2, $3, 'requested', $4) on conflict do nothing
        """;

    const string Changed = """
        select m.tenant_id, t.slug from control.tenant_model m
        join control.environment e on e.tenant_id = m.tenant_id and e.state = 'ready' join control.tenant t on t.id = m.tenant_id
        where t.region = $1 and m.name like 'own/%' and m.changed_after is not null
          and not exists (
            select from control.provisioning_run r where r.tenant_id = m.tenant_id and r.ordinal > m.changed_after
              and r.kind in ('provision', 'resume', 'restart') and r.state in ('queued', 'running', 'succeeded'))
        group by m.tenant_id, t.slug
        """;
}
