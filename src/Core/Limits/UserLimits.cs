using ControlPlane.Accounts;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Limits;

/// <summary>A tenant's stricter limits for one of its users.</summary>
/// <param name="User"><see cref="UserLimits.Everyone"/>: every user without a row.</param>
/// <param name="TokensPerDay">null: none of its own.</param>
/// <param name="TokensPerMonth">In the tenant's billing period; null: none of its own.</param>
/// <param name="Models">null: all of the plan's.</param>
public sealed record UserLimit(string User, long? TokensPerDay, long? TokensPerMonth, IReadOnlyList<string>? Models);

/// <summary>A user and what it used; with no limit of its own when <paramref name="Limit"/> is null.</summary>
public sealed record UserStanding(string User, long TokensToday, long TokensInPeriod, UserLimit? Limit);

/// <summary>The limits a tenant sets for its users. The tenant's own limits hold besides.</summary>
public sealed class UserLimits(ControlDatabase database, Clock clock)
{
    /// <summary>Stands for every user without a row.</summary>
    public const string Everyone = "*";

    public const int MaximumUser = 200;
    public const long MaximumTokens = 1_000_000_000_000;

    /// <param name="after">The last user of the page before.</param>
    public async Task<IReadOnlyList<UserLimit>> ListAsync(Guid tenant, string? after, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.QueryAsync(List, row => Read(row, 0), ct, tenant, after, limit);
    }

    /// <returns>null: no row.</returns>
    public async Task<UserLimit?> FindAsync(Guid tenant, string user, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.FirstAsync(
            "select user_id, tokens_per_day, tokens_per_month, models from control.user_limit where tenant_id = $1 and user_id = $2", row => Read(row, 0), ct, tenant, user);
    }

    /// <summary>Replaces what was set for the user.</summary>
    /// <returns>What to enter instead; empty when it was set.</returns>
    public async Task<FieldErrors> SetAsync(Guid tenant, UserLimit limit, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var offered = await OfferedAsync(transaction, tenant, ct);
        var errors = Validate(limit, offered);
        if (errors.Count == 0)
        {
            await transaction.ExecuteAsync(
                Upsert, ct, tenant, limit.User, limit.TokensPerDay, limit.TokensPerMonth, limit.Models?.Distinct().ToArray(), clock.GetUtcNow());
            // Not the user: it may be somebody's mail address.
            await transaction.AuditAsync(clock, tenant, actor, "user_limit.set", new { limit.TokensPerDay, limit.TokensPerMonth, limit.Models }, ct);
            await transaction.CommitAsync(ct);
        }

        return errors;
    }

    /// <returns>False when there was none.</returns>
    public async Task<bool> RemoveAsync(Guid tenant, string user, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.ExecuteAsync("delete from control.user_limit where tenant_id = $1 and user_id = $2", ct, tenant, user) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant, actor, "user_limit.removed", null, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Users with a limit, and those who used the most in this billing period.</summary>
    public async Task<(IReadOnlyList<UserStanding> Users, IReadOnlyList<string> Models)> StandingAsync(Guid tenant, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var subscription = await transaction.SubscriptionAsync(tenant, ct);
        var start = subscription is null ? today : BillingPeriod.Containing(subscription.Anchor, today).Start;
        var users = await transaction.QueryAsync(
            Standing,
            row => new UserStanding(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetBoolean(3) ? Read(row, 4) : null), ct, tenant, today, start, limit);
        return (users, await OfferedAsync(transaction, tenant, ct));
    }

    async Task<IReadOnlyList<string>> OfferedAsync(Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.SubscriptionAsync(tenant, ct) is { } subscription && await transaction.PlanAsync(subscription.Plan, clock.GetUtcNow(), ct) is { } plan
            ? plan.Models
            : [];

    static FieldErrors Validate(UserLimit limit, IReadOnlyList<string> offered)
    {
        var errors = new FieldErrors();
        errors.Check("user", limit.User.Length is >= 1 and <= MaximumUser && PlainText.IsPrintable(limit.User)
            ? null : $"Name the user by the id its calls carry, 1 to {MaximumUser} characters, or * for everyone without limits of their own.");
        errors.Check("tokens_per_day", TokensProblem(limit.TokensPerDay));
        errors.Check("tokens_per_month", TokensProblem(limit.TokensPerMonth));
        errors.Check("models", limit.Models is null || (limit.Models.Count > 0 && limit.Models.All(offered.Contains))
            ? null : $"Choose from the plan's models: {string.Join(", ", offered)}. Leave it out for all of them.");
        return errors;
    }

    static string? TokensProblem(long? tokens) =>
        tokens is null or (>= 0 and <= MaximumTokens) ? null : $"Enter a whole number from 0 to {MaximumTokens}, or leave it out for no limit.";

    static UserLimit Read(Npgsql.NpgsqlDataReader row, int at) =>
        new(row.GetString(at), row.Get<long?>(at + 1), row.Get<long?>(at + 2), row.Get<string[]>(at + 3));

    const string List = """
        select user_id, tokens_per_day, tokens_per_month, models from control.user_limit
        where tenant_id = $1 and ($2::text is null or user_id > $2) order by user_id limit $3
        """;

    const string Upsert = """
        insert into control.user_limit (tenant_id, user_id, tokens_per_day, tokens_per_month, models, updated_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (tenant_id, user_id) do update set
            tokens_per_day = excluded.tokens_per_day, tokens_per_month = excluded.tokens_per_month, models = excluded.models, updated_at = excluded.updated_at
        """;

    const string Standing = """
        with used as (
            select user_id, coalesce(sum(prompt_tokens + completion_tokens) filter (where day = $2), 0)::bigint as today,
                   sum(prompt_tokens + completion_tokens)::bigint as period
            from control.usage_counter where tenant_id = $1 and day >= $3 group by user_id
        )
        select user_id, coalesce(u.today, 0), coalesce(u.period, 0), l.tenant_id is not null, user_id, l.tokens_per_day, l.tokens_per_month, l.models
        from used u full join (select * from control.user_limit where tenant_id = $1) l using (user_id)
        order by user_id <> '*', l.tenant_id is null, u.period desc nulls last, user_id limit $4
        """;
}
