using System.Globalization;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// What an environment's volumes take up on disk, and what follows. Beyond the storage of its plan it keeps running for 24 hours, and may grow by a quarter of
/// that storage: beyond the plan, or beyond what it stored when it was first limited or the plan's storage became less. Then it is stopped, with all of its data, until it fits again or an operator allows 24 hours to clean up.
/// </summary>
/// <param name="AllowedBytes">By its plan, or as an operator has set for this tenant.</param>
/// <param name="Announced">The threshold in percent that its owner was told of last; 0: none.</param>
/// <param name="GraceUntil">When it is stopped if it still stores too much; null: not yet known, because it does not run, or does not store too much.</param>
/// <param name="GraceBytes">Beyond this it is stopped at once.</param>
/// <param name="StoppedAt">null: not stopped because of its storage, or because it could not be measured while the disk was low.</param>
public sealed record EnvironmentStorage(
    long Bytes, long AllowedBytes, DateTimeOffset MeasuredAt, int Announced = 0, DateTimeOffset? GraceUntil = null, long? GraceBytes = null,
    DateTimeOffset? StoppedAt = null)
{
    public static readonly TimeSpan Grace = TimeSpan.FromHours(24);

    /// <summary>Of a figure.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromHours(1);

    /// <summary>Percent of the allowed bytes. Below the last two, a threshold counts as left, and is announced again when it is reached again.</summary>
    const int Near = 80, Full = 100, NearAgain = 70, FullAgain = 95;

    public bool IsOver => Bytes > AllowedBytes;

    public long Percent => Bytes * 100 / AllowedBytes;

    /// <summary>The state after a measurement.</summary>
    /// <param name="isDiskLow">The disk of the environments has less free space than its reserve: those that store too much are stopped at once.</param>
    public EnvironmentStorage Measured(long bytes, long allowedBytes, DateTimeOffset now, bool isDiskLow)
    {
        var next = this with { Bytes = bytes, AllowedBytes = allowedBytes, MeasuredAt = now };
        next = next with
        {
            Announced = Math.Max(
                next.IsOver ? Full : next.Percent >= Near ? Near : 0,
                next.Percent < NearAgain ? 0 : next.Percent < FullAgain ? Math.Min(Announced, Near) : Announced),
        };
        if (!next.IsOver)
        {
            return next.Percent < FullAgain ? next with { GraceUntil = null, GraceBytes = null, StoppedAt = null } : next with { StoppedAt = null };
        }

        next = allowedBytes < AllowedBytes
            ? next with { GraceUntil = now + Grace, GraceBytes = Ceiling(bytes, allowedBytes) }
            : next with { GraceUntil = GraceUntil ?? now + Grace, GraceBytes = GraceBytes ?? Ceiling(allowedBytes, allowedBytes) };
        return next with { StoppedAt = StoppedAt ?? (now >= next.GraceUntil || bytes > next.GraceBytes || isDiskLow ? now : null) };
    }

    /// <summary>The state after a measurement while it is stopped for another reason: what it stores matters when it runs again. Its 24 hours begin then.</summary>
    public EnvironmentStorage MeasuredWhileSuspended(long bytes, long allowedBytes, DateTimeOffset now)
    {
        var next = this with { Bytes = bytes, AllowedBytes = allowedBytes, MeasuredAt = now, GraceUntil = null };
        return next.IsOver && allowedBytes < AllowedBytes ? next with { GraceBytes = Ceiling(bytes, allowedBytes) } : next;
    }

    /// <summary>It could not be measured for so long that its last figure says nothing about the present.</summary>
    public bool IsOutdated(DateTimeOffset now) => now - MeasuredAt >= MaximumAge;

    /// <summary>The state after a measurement that failed: the rules apply to the last figure. One that is outdated also stops while the disk is low, because what the
    /// environment stores may be what fills it.</summary>
    /// <param name="isSuspect">Others could be measured: that this one could not may be its own doing.</param>
    public EnvironmentStorage NotMeasured(long allowedBytes, DateTimeOffset now, bool isDiskLow, bool isSuspect)
    {
        var next = Measured(Bytes, allowedBytes, now, isDiskLow) with { MeasuredAt = MeasuredAt };
        return !next.IsOver && isDiskLow && isSuspect && IsOutdated(now) ? next with { StoppedAt = StoppedAt ?? now } : next;
    }

    /// <summary>The state after an operator has allowed 24 hours to clean up.</summary>
    public EnvironmentStorage Allowed(DateTimeOffset now) =>
        this with { GraceUntil = now + Grace, GraceBytes = Ceiling(Math.Max(Bytes, AllowedBytes), AllowedBytes), StoppedAt = null };

    /// <summary>12.3 GiB.</summary>
    public static string Gib(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (decimal)(1L << 30):#,##0.#} GiB");

    static long Ceiling(long bytes, long allowedBytes) => bytes + (allowedBytes / 4);
}

/// <summary>An environment whose row is locked, with its storage.</summary>
/// <param name="HasTrialEnded">It is stopped because of that, or should be.</param>
/// <param name="FirstReadyAt">null: it has never been ready.</param>
/// <param name="Storage">null before the first measurement.</param>
sealed record StoredEnvironment(
    Guid Tenant, EnvironmentState State, string Slug, string Organization, bool IsTenantActive, bool HasTrialEnded, DateTimeOffset? FirstReadyAt, long AllowedBytes,
    EnvironmentStorage? Storage)
{
    /// <summary>It is stopped because an invoice is unpaid or the subscription has ended.</summary>
    public bool IsUnpaid { get; init; }
}

static class StorageTable
{
    /// <summary>States in which an environment may have volumes and no run removes them.</summary>
    public const string MeasuredStates = "'ready', 'updating', 'failed', 'suspended'";

    /// <returns>null when there is no environment, or none with volumes.</returns>
    public static Task<StoredEnvironment?> LockStorageAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.FirstAsync(
            Lock,
            row => new StoredEnvironment(
                tenant, EnvironmentStateMachine.Parse(row.GetString(0)), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetBoolean(4),
                row.Get<DateTimeOffset?>(5), row.GetInt64(6), row.IsDBNull(8) ? null : Read(row, 8))
            { IsUnpaid = row.GetBoolean(7) },
            ct, tenant);

    /// <param name="first">Of the columns of <c>environment_storage</c>.</param>
    public static EnvironmentStorage Read(NpgsqlDataReader row, int first) => new(
        row.GetInt64(first), row.GetInt64(first + 1), row.GetFieldValue<DateTimeOffset>(first + 2), row.GetInt32(first + 3),
        row.Get<DateTimeOffset?>(first + 4), row.Get<long?>(first + 5), row.Get<DateTimeOffset?>(first + 6));

    public static Task WriteStorageAsync(this Transaction transaction, Guid tenant, EnvironmentStorage storage, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Upsert, ct, tenant, storage.Bytes, storage.AllowedBytes, storage.MeasuredAt, storage.Announced, storage.GraceUntil, storage.GraceBytes, storage.StoppedAt);

    public const string Columns = "s.bytes, s.allowed_bytes, s.measured_at, s.announced, s.grace_until, s.grace_bytes, s.stopped_at";

    const string Lock = $"""
        select e.state, t.slug, t.organization, t.status = 'active', e.trial_stage in ('stopped', 'warned'), e.first_ready_at,
               coalesce(o.storage_gib, p.storage_gib)::bigint << 30, e.unpaid_at is not null, {Columns}
        from control.environment e
        join control.tenant t on t.id = e.tenant_id
        left join control.subscription sub on sub.tenant_id = t.id
        join control.plan p on p.name = coalesce(sub.plan, t.requested_plan)
        left join control.budget_override o on o.tenant_id = e.tenant_id
        left join control.environment_storage s on s.tenant_id = e.tenant_id
        where e.tenant_id = $1 and e.state in ({MeasuredStates})
        for update of e
        """;

    const string Upsert = """
        insert into control.environment_storage as s (tenant_id, bytes, allowed_bytes, measured_at, announced, grace_until, grace_bytes, stopped_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (tenant_id) do update set
            bytes = $2, allowed_bytes = $3, measured_at = $4, announced = $5, grace_until = $6, grace_bytes = $7, stopped_at = $8
        """;
}
