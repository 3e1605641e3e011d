namespace ControlPlane.Limits;

/// <summary>When stored answers to authorizations and reservations that have ended are deleted.</summary>
public static class LimitRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Authorizations, "reservations", DeleteReservations),
        new(RetentionClasses.Authorizations, "authorizations", DeleteAnswers),
        new(RetentionClasses.Tenants, "user_limits", DeleteUserLimits),
    ];

    // A row that another transaction holds is deleted by the next run.
    const string DeleteReservations = """
        delete from control.reservation where id in (
            select id from control.reservation where expires_at < $1 and state <> 'held' order by expires_at limit $2 for update skip locked)
        """;

    const string DeleteUserLimits = $"""
        delete from control.user_limit where (tenant_id, user_id) in (
            select u.tenant_id, u.user_id from control.user_limit u where u.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteAnswers = """
        delete from control.authorization_answer where ctid = any (array(
            select ctid from control.authorization_answer where answered_at < $1 order by answered_at limit $2))
        """;
}
