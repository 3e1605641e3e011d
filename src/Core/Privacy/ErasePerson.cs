using ControlPlane.Accounts;
using ControlPlane.Accounts.Members;
using ControlPlane.Metering;
using ControlPlane.Notifications.Mail;
using Npgsql;

namespace ControlPlane.Privacy;

/// <summary>A user of a tenant's environment, by the id that its gateway reports.</summary>
public sealed record EnvironmentUser(Guid Tenant, string User);

public abstract record ErasePersonResult
{
    /// <param name="Members">Ids of the deleted memberships, as the audit log names them.</param>
    /// <param name="Users">Ids that are replaced in usage, over all tenants.</param>
    /// <param name="Events">Changed so far.</param>
    /// <param name="UnderWay">Tenants with usage that is still to be erased: the job <c>retention</c> does, or another request.</param>
    public sealed record Erased(IReadOnlyList<Guid> Members, int Mails, long Users, long Events, IReadOnlyList<Guid> UnderWay) : ErasePersonResult;
    public sealed record Invalid(FieldErrors Errors) : ErasePersonResult;
    /// <summary>These tenants need another owner first, or have to be deleted.</summary>
    public sealed record SoleOwner(IReadOnlyList<string> Slugs) : ErasePersonResult;
}

/// <summary>
/// Erases a person (GDPR, article 17): memberships with passwords and sessions, all mail to the address, and ids in usage. What must stay is kept:
/// invoices, by law, and the audit log, which names members by ids that lead nowhere afterwards.
/// </summary>
/// <remarks>
/// Memberships and mail first: how much usage there is under a person's address, anyone with an environment decides. Each tenant is a transaction of its own with
/// its entry in the audit log, so no tenant waits for another one's locks. Repeating it erases what an interrupted request has left, and what came since.
/// </remarks>
public sealed class ErasePerson(ControlDatabase database, Clock clock, EraseUsage eraseUsage)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a request erases usage. With a wait for locks, less than a function that serves HTTP has.</summary>
    static readonly TimeSpan TimeForUsage = TimeSpan.FromSeconds(10);

    /// <param name="users">Ids of the person in environments. Usage under the address itself is found without them.</param>
    /// <param name="actor">The operator.</param>
    /// <exception cref="TenantBusyException">The locks of at least one tenant, or of the mail, were not free in time. Everything else is erased or under way.</exception>
    public async Task<ErasePersonResult> RunAsync(string? email, IReadOnlyList<EnvironmentUser> users, string actor, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email);
        if (EmailAddress.Validate(address) is { } problem)
        {
            var errors = new FieldErrors();
            errors.Check("email", problem);
            return new ErasePersonResult.Invalid(errors);
        }

        var (memberships, slugs) = await FindAsync(address!, ct);
        if (slugs.Count > 0)
        {
            return new ErasePersonResult.SoleOwner(slugs);
        }

        var (members, mails) = (new List<Guid>(), 0);
        PostgresException? busy = null;
        foreach (var tenant in memberships)
        {
            if (await IsBusyAsync(async () => slugs.AddRange(await EraseMembersAsync(tenant, address!, members, actor, ct))))
            {
                continue;
            }

            if (slugs.Count > 0)
            {
                // The other owner has left since.
                return new ErasePersonResult.SoleOwner(slugs);
            }
        }

        // After the memberships, because mail is queued for members.
        await IsBusyAsync(async () => mails = await EraseMailAsync(address!, actor, ct));
        var count = await QueueUsageAsync(address!, users, actor, ct);
        var (events, _) = await eraseUsage.RunAsync(TimeForUsage, ErasedUsage.EventsPerPiece, ct);
        return busy is null
            ? new ErasePersonResult.Erased(members, mails, count, events, await UnderWayAsync(address!, users, ct))
            : throw new TenantBusyException("Other work holds the data of one of the tenants. Everything else is erased or under way: send the same request again in a few seconds to finish.", busy);

        async Task<bool> IsBusyAsync(Func<Task> erase)
        {
            try
            {
                await erase();
                return false;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                busy = e;
                return true;
            }
        }
    }

    async Task<(List<Guid> Memberships, List<string> SoleOwnerOf)> FindAsync(string address, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return (await transaction.TenantsOfMemberAsync(address, ct), await transaction.SlugsOfSoleOwnerAsync(address, tenant: null, ct));
    }

    /// <returns>The tenant's slug if it would be left without an owner; then nothing is erased.</returns>
    async Task<List<string>> EraseMembersAsync(Guid tenant, string address, List<Guid> members, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        // Before the owners are counted, as by all code that removes one: if two owners are removed at once, one stays.
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (await transaction.SlugsOfSoleOwnerAsync(address, tenant, ct) is { Count: > 0 } slugs)
        {
            return slugs;
        }

        var deleted = await transaction.DeleteMembersAsync(tenant, address, ct);
        await transaction.AuditAsync(clock, tenant, actor, "person.erased", new { members = deleted }, ct);
        await transaction.CommitAsync(ct);
        members.AddRange(deleted);
        return [];
    }

    async Task<int> EraseMailAsync(string address, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var mails = await transaction.DeleteMailToAsync(address, ct);
        await transaction.AuditAsync(clock, null, actor, "person.erased", new { mails }, ct);
        await transaction.CommitAsync(ct);
        return mails;
    }

    /// <returns>How many ids are to be replaced.</returns>
    async Task<long> QueueUsageAsync(string address, IReadOnlyList<EnvironmentUser> users, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var count = await transaction.ScalarAsync<long>(
            QueueUsage, ct, address, users.Select(user => user.Tenant).ToArray(), users.Select(user => user.User).ToArray(), actor, clock.GetUtcNow());
        await transaction.CommitAsync(ct);
        return count;
    }

    async Task<IReadOnlyList<Guid>> UnderWayAsync(string address, IReadOnlyList<EnvironmentUser> users, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            UnderWay, row => row.GetGuid(0), ct, address, users.Select(user => user.Tenant).ToArray(), users.Select(user => user.User).ToArray());
    }

    // Usage under the address in upper or lower case, too. The pseudonym is random, so that the one of an id cannot be computed.
    const string QueueUsage = """
        with wanted as (
            select distinct tenant_id, user_id from control.usage_counter where lower(user_id) = lower($1)
            union select * from unnest($2::uuid[], $3::text[])),
        queued as (
            insert into control.erasure (tenant_id, user_id, pseudonym, requested_by, requested_at)
            select tenant_id, user_id, 'erased-' || replace(gen_random_uuid()::text, '-', ''), $4, $5 from wanted on conflict do nothing)
        select count(*) from wanted
        """;

    const string UnderWay = """
        select distinct tenant_id from control.erasure
        where lower(user_id) = lower($1) or (tenant_id, user_id) in (select * from unnest($2::uuid[], $3::text[])) order by 1
        """;
}
