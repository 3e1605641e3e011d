namespace ControlPlane.Provisioning;

/// <summary>
/// Adds up, per environment and month, for how long it answered: a part of the job <c>health</c>. An environment is down while it has failed, or while no route to a model of its plan
/// answers. The time between two checks counts as the first one found it. Longer gaps count for nothing: no check was made in them. Nor does the time of a change of the environment.
/// </summary>
public sealed class MeasureAvailability(ControlDatabase database, Clock clock)
{
    /// <summary>Two checks may fail to come.</summary>
    static readonly TimeSpan LongestGap = TimeSpan.FromMinutes(15);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var measured = await transaction.ExecuteAsync(Measure, ct, clock.GetUtcNow(), LongestGap.TotalSeconds);
        await transaction.CommitAsync(ct);
        return JobReport.Of(("environments_checked", measured));
    }

    // The first row of a month goes on from the last one of the month before. Of runs at the same time, each adds what is new since the other.
    const string Measure = """
        with sold as (
            select p.name as plan, bool_or(h.state = 'ready') as answers
            from control.plan p join control.model_route r on (p.all_models or exists (select from control.plan_model pm where pm.plan = p.name and pm.model = r.model))
            join control.model_route_health h on h.route = r.id
            where r.effective_from <= $1 and (r.effective_to is null or r.effective_to > $1) and h.state in ('ready', 'unreachable') group by p.name),
        found as (
            select e.tenant_id, e.state = 'ready' and coalesce(sold.answers, true) as up
            from control.environment e join control.tenant t on t.id = e.tenant_id join control.subscription s on s.tenant_id = e.tenant_id left join sold on sold.plan = s.plan
            where e.state in ('ready', 'failed') and e.first_ready_at is not null and t.status = 'active' and s.status = 'active'),
        former as (
            select a.tenant_id, a.last_up, round(extract(epoch from $1 - a.last_at))::bigint as seconds from control.availability a
            where a.month = date_trunc('month', $1 at time zone 'UTC' - interval '1 month')::date and a.last_at >= $1 - make_interval(secs => $2))
        insert into control.availability as a (tenant_id, month, measured_seconds, down_seconds, last_at, last_up)
        select f.tenant_id, date_trunc('month', $1 at time zone 'UTC')::date, coalesce(b.seconds, 0), case when b.last_up then 0 else coalesce(b.seconds, 0) end, $1, f.up
        from found f left join former b on b.tenant_id = f.tenant_id order by f.tenant_id
        on conflict (tenant_id, month) do update
        set measured_seconds = a.measured_seconds + case when excluded.last_at - a.last_at <= make_interval(secs => $2) then round(extract(epoch from excluded.last_at - a.last_at)) else 0 end,
            down_seconds = a.down_seconds
                + case when not a.last_up and excluded.last_at - a.last_at <= make_interval(secs => $2) then round(extract(epoch from excluded.last_at - a.last_at)) else 0 end,
            last_at = excluded.last_at, last_up = excluded.last_up
        where a.last_at < excluded.last_at
        """;
}
