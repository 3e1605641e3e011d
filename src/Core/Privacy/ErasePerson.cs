using ControlPlane.Accounts;
using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Members;
using ControlPlane.Limits;
using ControlPlane.Metering;
using ControlPlane.Notifications.Mail;

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
/// invoices, by law, and the audit log, which names members by ids that lead nowhere afterwards. Repeating it erases what came since.
/// </summary>
public sealed class ErasePerson(ControlDatabase database, Clock clock)
{
    /// <param name="users">Ids of the person in environments. Usage under the address itself is found without them.</param>
    /// <param name="actor">The operator.</param>
    public async Task<ErasePersonResult> RunAsync(string? email, IReadOnlyList<EnvironmentUser> users, string actor, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email);
        if (EmailAddress.Validate(address) is { } problem)
        {
            var errors = new FieldErrors();
            errors.Check("email", problem);
            return new ErasePersonResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.SlugsOfSoleOwnerAsync(address!, ct) is { Count: > 0 } slugs)
        {
            return new ErasePersonResult.SoleOwner(slugs);
        }

        var members = await transaction.DeleteMembersAsync(address!, ct);
        var mails = await transaction.DeleteMailToAsync(address!, ct);
        var all = users.Concat((await transaction.UsersWithAddressAsync(address!, ct)).Select(user => new EnvironmentUser(user.Tenant, user.User))).Distinct()
            .OrderBy(user => user.Tenant).ToList();
        var events = 0L;
        foreach (var user in all)
        {
            // Random, so that nobody can find the pseudonym of an id by computing it.
            var pseudonym = $"erased-{Credentials.New()[..16]}";
            events += await transaction.EraseUsageAsync(user.Tenant, user.User, pseudonym, ct);
            await transaction.EraseLimitsAsync(user.Tenant, user.User, pseudonym, ct);
        }

        await transaction.AuditAsync(clock, null, actor, "person.erased", new { members, mails, users = all.Count, events }, ct);
        await transaction.CommitAsync(ct);
        return new ErasePersonResult.Erased(members, mails, all.Count, events);
    }
}
