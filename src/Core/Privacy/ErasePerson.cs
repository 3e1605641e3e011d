using ControlPlane.Accounts;
using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Limits;
using ControlPlane.Metering;
using ControlPlane.Notifications.Mail;
using Npgsql;

namespace ControlPlane.Privacy;

/// <summary>A user of a tenant's environment, by the id that its gateway reports.</summary>
public sealed record EnvironmentUser(Guid Tenant, string User);

public abstract record ErasePersonResult
{
    /// <param name="Members">Ids of the deleted memberships, as the audit log names them.</param>
    /// <param name="Users">Ids that were replaced in usage, over all tenants.</param>
    public sealed record Erased(IReadOnlyList<Guid> Members, int Mails, int Users, long Events) : ErasePersonResult;
    public sealed record Invalid(FieldErrors Errors) : ErasePersonResult;
    /// <summary>These tenants need another owner first, or have to be deleted.</summary>
    public sealed record SoleOwner(IReadOnlyList<string> Slugs) : ErasePersonResult;
}

/// <summary>
/// Erases a person (GDPR, article 17): memberships with passwords and sessions, all mail to the address, and ids in usage. What must stay is kept:
/// invoices, by law, and the audit log, which names members by ids that lead nowhere afterwards.
/// </summary>
/// <remarks>
/// Each tenant is a transaction of its own with its entry in the audit log, so no tenant waits for another one's locks. Repeating it erases what an
/// interrupted request has left, and what came since.
/// </remarks>
public sealed class ErasePerson(ControlDatabase database, Clock clock)
{
    /// <summary>Ingestion and invoicing hold a tenant's locks for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <param name="users">Ids of the person in environments. Usage under the address itself is found without them.</param>
    /// <param name="actor">The operator.</param>
    /// <exception cref="TenantBusyException">The locks of at least one tenant were not free in time. Everything else is erased.</exception>
    public async Task<ErasePersonResult> RunAsync(string? email, IReadOnlyList<EnvironmentUser> users, string actor, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email);
        if (EmailAddress.Validate(address) is { } problem)
        {
            var errors = new FieldErrors();
            errors.Check("email", problem);
            return new ErasePersonResult.Invalid(errors);
        }

        var (memberships, slugs, found) = await FindAsync(address!, ct);
        if (slugs.Count > 0)
        {
            return new ErasePersonResult.SoleOwner(slugs);
        }

        var (members, all, events) = (new List<Guid>(), users.Concat(found).Distinct().ToList(), 0L);
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

        foreach (var tenant in all.GroupBy(user => user.Tenant).OrderBy(group => group.Key))
        {
            await IsBusyAsync(async () => events += await EraseUsageAsync(tenant.Key, [.. tenant.Select(user => user.User)], actor, ct));
        }

        // Last, because mail is queued for members.
        var mails = await EraseMailAsync(address!, actor, ct);
        return busy is null
            ? new ErasePersonResult.Erased(members, mails, all.Count, events)
            : throw new TenantBusyException("Other work holds the data of one of the tenants. Everything else is erased: send the same request again in a few seconds to finish.", busy);

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

    async Task<(List<Guid> Memberships, List<string> SoleOwnerOf, List<EnvironmentUser> Users)> FindAsync(string address, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return (
            await transaction.TenantsOfMemberAsync(address, ct), await transaction.SlugsOfSoleOwnerAsync(address, tenant: null, ct),
            (await transaction.UsersWithAddressAsync(address, ct)).ConvertAll(user => new EnvironmentUser(user.Tenant, user.User)));
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

    // Apart from the memberships: invoicing waits for the tenant's row while it holds the billing lock.
    async Task<long> EraseUsageAsync(Guid tenant, IReadOnlyList<string> users, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var events = 0L;
        foreach (var user in users)
        {
            // Random, so that the pseudonym of an id cannot be computed.
            var pseudonym = $"erased-{Credentials.New()[..16]}";
            events += await transaction.EraseUsageAsync(tenant, user, pseudonym, ct);
            await transaction.EraseLimitsAsync(tenant, user, pseudonym, ct);
        }

        await transaction.AuditAsync(clock, tenant, actor, "person.erased", new { users = users.Count, events }, ct);
        await transaction.CommitAsync(ct);
        return events;
    }

    async Task<int> EraseMailAsync(string address, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var mails = await transaction.DeleteMailToAsync(address, ct);
        await transaction.AuditAsync(clock, null, actor, "person.erased", new { mails }, ct);
        await transaction.CommitAsync(ct);
        return mails;
    }
}
