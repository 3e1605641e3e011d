using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Provisioning;

/// <summary>
/// Active tenants without an environment: activation only changes the tenant's status, and the job <c>provision</c> requests the environment as soon as there is
/// room for it, for approved tenants first (<see cref="TenantApproval"/>). Until then it is shown as <see cref="EnvironmentState.Requested"/>.
/// </summary>
public sealed class MissingEnvironments(
    ControlDatabase database, ReadEnvironmentCapacity readCapacity, ControlPlaneOptions options, EnvironmentLimits limits, Clock clock)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan NewWindow = TimeSpan.FromDays(1), AlertInterval = TimeSpan.FromDays(1);

    /// <summary>How many of the waiting tenants an alert names.</summary>
    const int MaxNamed = 10;

    /// <summary>Condition on <c>control.tenant t</c> and <c>control.environment e</c>, left joined.</summary>
    public const string IsMissing = "e.tenant_id is null and t.status = 'active'";

    /// <summary>Requests the missing environments for which there is room. Any number of processes may do so at once: each environment gets one run.</summary>
    /// <param name="failed">Tenants to leave out; those whose request fails are added.</param>
    /// <returns>How many were requested.</returns>
    public async Task<int> RequestAsync(JobParts parts, HashSet<Guid> failed, CancellationToken ct)
    {
        IReadOnlyList<MissingEnvironment> missing;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            missing = await FindAsync(transaction, failed, ct);
        }

        var requested = 0;
        foreach (var environment in missing)
        {
            if (!await parts.TryAsync("request the environment", environment.Tenant, async () => requested += await RequestAsync(environment, ct) ? 1 : 0, ct))
            {
                failed.Add(environment.Tenant);
            }
        }

        return requested;
    }

    /// <summary>The missing environments for which there is room, in the order of their turn.</summary>
    internal async Task<IReadOnlyList<MissingEnvironment>> FindAsync(Transaction transaction, IReadOnlySet<Guid> failed, CancellationToken ct)
    {
        if (!await transaction.ScalarAsync<bool>($"select exists ({Missing})", ct, failed.ToArray()))
        {
            return [];
        }

        var room = await ReadRoomAsync(transaction, ct);
        return await transaction.QueryAsync(
            Next, row => new MissingEnvironment(row.GetGuid(0), row.GetString(1), row.GetBoolean(2)), ct, failed.ToArray(), room.Left, room.LeftForUnapproved);
    }

    /// <summary>Call it when no environment can be requested any more.</summary>
    /// <returns>What to tell the operator, once a day while tenants wait for room; otherwise null.</returns>
    internal async Task<string?> FindAlertAsync(IReadOnlySet<Guid> failed, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var (waiting, unapproved) = await transaction.FirstAsync(CountMissing, row => (row.GetInt64(0), row.GetInt64(1)), ct, failed.ToArray());
        if (waiting == 0 || await transaction.ScalarAsync<bool>(IsAlerted, ct, clock.GetUtcNow() - AlertInterval))
        {
            return null;
        }

        var room = await ReadRoomAsync(transaction, ct);
        var approvable = unapproved > 0 && room.LowDisk is null ? await DescribeUnapprovedAsync(transaction, unapproved, failed, ct) : "";
        await transaction.AuditAsync(clock, null, "job:provision", "environments.waiting", new { waiting }, ct);
        await transaction.CommitAsync(ct);
        return $"{(waiting == 1 ? "1 tenant waits for its environment" : $"{waiting} tenants wait for their environment")}. {Describe(room)}{approvable}";
    }

    static async Task<string> DescribeUnapprovedAsync(Transaction transaction, long count, IReadOnlySet<Guid> failed, CancellationToken ct)
    {
        var slugs = await transaction.QueryAsync(FirstUnapproved, row => row.GetString(0), ct, failed.ToArray(), MaxNamed);
        var others = count > slugs.Count ? $" and {count - slugs.Count} more" : "";
        return $" Approve those that you know, on their page at /admin/tenants (unapproved: {string.Join(", ", slugs)}{others}).";
    }

    /// <summary>Why there is no room, as far as there are limits.</summary>
    string Describe(Room room) => room switch
    {
        { LowDisk: { } disk } => disk.Describe(limits),
        { Limit: null } => $"New environments of unapproved tenants in 24 hours: {room.NewUnapproved} of at most {limits.TrialsPerDay}. To allow more, raise CONTROLPLANE_LIMIT_TRIALS.",
        _ => $"There are {room.Environments} environments of at most {room.Limit}, {room.Unapproved} of unapproved tenants of at most {room.UnapprovedLimit}, and {room.NewUnapproved} new "
            + $"ones of unapproved tenants in 24 hours of at most {limits.TrialsPerDay}: add capacity, or raise CONTROLPLANE_ENVIRONMENTS, CONTROLPLANE_TRIAL_SHARE or CONTROLPLANE_LIMIT_TRIALS.",
    };

    async Task<bool> RequestAsync(MissingEnvironment environment, CancellationToken ct)
    {
        // The tenant's row may be locked; the next run, a minute later, tries again.
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.ExecuteAsync("select from control.tenant where id = $1 for key share", ct, environment.Tenant);
        // Of several processes one counts and requests at a time. Locked last, so that none holds it while it waits for a tenant.
        await transaction.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('environments', 0))", ct);
        var room = await ReadRoomAsync(transaction, ct);
        if ((environment.IsApproved ? room.Left : room.LeftForUnapproved) == 0)
        {
            return false;
        }

        var created = await transaction.CreateMissingEnvironmentAsync(clock, options, environment.Tenant, environment.Slug, ct);
        await transaction.CommitAsync(ct);
        return created;
    }

    async Task<Room> ReadRoomAsync(Transaction transaction, CancellationToken ct)
    {
        var capacity = await readCapacity.RunAsync(transaction, ct);
        var now = clock.GetUtcNow();
        var (unapproved, newUnapproved) = await transaction.FirstAsync(CountUnapproved, row => (row.GetInt32(0), row.GetInt32(1)), ct, now - NewWindow);
        var lowDisk = (await DiskSpace.FindLowAsync(transaction, limits, ct)).FirstOrDefault();
        return new(capacity.Environments, capacity.Capacity, unapproved, newUnapproved, limits, lowDisk);
    }

    /// <param name="Limit">Of environments; null: unlimited.</param>
    /// <param name="Unapproved">Those of the environments that are of unapproved tenants.</param>
    /// <param name="NewUnapproved">First environments of unapproved tenants within the window.</param>
    /// <param name="LowDisk">There is room for none while a disk has less free space than the reserve.</param>
    sealed record Room(int Environments, int? Limit, int Unapproved, int NewUnapproved, EnvironmentLimits Settings, DiskSpace? LowDisk)
    {
        public int Left => LowDisk is null ? Math.Max(0, (Limit ?? int.MaxValue) - Environments) : 0;
        public int UnapprovedLimit => Limit is { } limit ? (int)(((long)limit * Settings.TrialShare + 99) / 100) : int.MaxValue;
        public int LeftForUnapproved => Math.Clamp(Math.Min(UnapprovedLimit - Unapproved, Settings.TrialsPerDay - NewUnapproved), 0, Left);
    }

    const string Missing = $"""
        select t.id, t.slug, t.verified_at, t.created_at, {TenantApproval.IsApproved} as is_approved
        from control.tenant t
        left join control.environment e on e.tenant_id = t.id
        where {IsMissing} and t.id <> all($1)
        """;

    const string Next = $"""
        with missing as ({Missing}),
             turn as (select *, row_number() over (partition by is_approved order by coalesce(verified_at, created_at), id) as place from missing)
        select id, slug, is_approved from turn where place <= case when is_approved then $2 else $3 end order by is_approved desc, place limit $2
        """;

    const string CountMissing = $"select count(*), count(*) filter (where not is_approved) from ({Missing}) as missing";

    const string FirstUnapproved = $"""
        select slug from ({Missing}) as missing where not is_approved order by coalesce(verified_at, created_at), id limit $2
        """;

    const string CountUnapproved = $"""
        select count(*) filter (where {EnvironmentTable.UsesPlace})::int, count(*) filter (where e.created_at > $1)::int
        from control.environment e join control.tenant t on t.id = e.tenant_id where not {TenantApproval.IsApproved}
        """;

    const string IsAlerted = """
        select exists (select from control.audit_log where tenant_id is null and occurred_at > $1 and action = 'environments.waiting')
        """;
}

/// <param name="IsApproved">Of the tenant.</param>
sealed record MissingEnvironment(Guid Tenant, string Slug, bool IsApproved);
