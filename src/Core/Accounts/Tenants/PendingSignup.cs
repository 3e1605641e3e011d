using ControlPlane.Catalog;

namespace ControlPlane.Accounts.Tenants;

/// <summary>A signup that waits for its confirmation, as the owner of the address sees it, who may not have made it.</summary>
/// <param name="Plan">Its title.</param>
/// <param name="RequestedFrom">The network of the request; null where it is not known.</param>
public sealed record PendingSignup(
    Guid Tenant, string Email, string Organization, string Slug, string Plan, DateTimeOffset RequestedAt, string? RequestedFrom);

static class PendingSignups
{
    /// <returns>null when the member's tenant is not pending.</returns>
    public static async Task<PendingSignup?> FindPendingSignupAsync(this Transaction transaction, Guid member, DateTimeOffset now, CancellationToken ct)
    {
        var signup = await transaction.FirstAsync(
            Select,
            row => new PendingSignup(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetFieldValue<DateTimeOffset>(5), row.Get<string>(6)),
            ct, member);
        return signup is null ? null : signup with { Plan = (await transaction.PlanAsync(signup.Plan, now, ct))?.Title ?? signup.Plan };
    }

    const string Select = """
        select t.id, m.email, t.organization, t.slug, t.requested_plan, t.created_at, t.requested_from
        from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1 and t.status = 'pending'
        """;
}
