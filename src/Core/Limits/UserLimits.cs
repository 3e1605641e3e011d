using ControlPlane.Accounts;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Limits;

/// <summary>A tenant's own limits for one of its users.</summary>
/// <param name="User"><c>*</c>: all users without their own limits.</param>
/// <param name="TokensPerDay">null: no separate limit.</param>
/// <param name="TokensPerMonth">Per billing period of the tenant; null: no separate limit.</param>
/// <param name="Models">null: all models of the plan.</param>
public sealed record UserLimit(string User, long? TokensPerDay, long? TokensPerMonth, IReadOnlyList<string>? Models);

/// <summary>The usage of one user.</summary>
/// <param name="Limit">null: the user has no limits of their own.</param>
public sealed record UserUsage(string User, long TokensToday, long TokensInPeriod, UserLimit? Limit);

/// <summary>The limits that a tenant sets for its users. The tenant's own limits also apply.</summary>
public sealed class UserLimits(ControlDatabase database, Clock clock)
{
    /// <summary>In place of a user id: all users without their own limits.</summary>
    public const string Everyone = "*";

    public const long MaximumTokens = 1_000_000_000_000;

    /// <summary>Users with limits of their own, per tenant.</summary>
    const int MaximumUsers = 10_000;

    /// <param name="after">The last user of the previous page.</param>
    public async Task<IReadOnlyList<UserLimit>> ListAsync(Guid tenant, string? after, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.QueryAsync(List, row => Read(row, 0), ct, tenant, after, limit);
    }

    /// <param name="user">Of any length, as calls send it.</param>
    /// <returns>null: the user has no limits of their own.</returns>
    public async Task<UserLimit?> FindAsync(Guid tenant, string user, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.FirstAsync(
            "select user_id, tokens_per_day, tokens_per_month, models from control.user_limit where tenant_id = $1 and user_id = $2", row => Read(row, 0), ct, tenant, ExternalIds.Stored(user));
    }

    /// <summary>Replaces the limits of the user.</summary>
    /// <returns>The invalid fields; empty when the limits were set.</returns>
    public async Task<FieldErrors> SetAsync(Guid tenant, UserLimit limit, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var planModels = await PlanModelsAsync(transaction, tenant, ct);
        var errors = Validate(limit, planModels);
        if (await transaction.ScalarAsync<long>(CountOthers, ct, tenant, limit.User) >= MaximumUsers)
        {
            errors.Check("user", $"You already have limits for {MaximumUsers} users. Remove one first, or set limits for all users with *.");
        }

        var models = limit.Models?.Distinct().ToArray();
        if (errors.Count > 0 || await transaction.ExecuteAsync(
                Upsert, ct, tenant, ExternalIds.Stored(limit.User), limit.TokensPerDay, limit.TokensPerMonth, models, clock.GetUtcNow()) == 0)
        {
            return errors;
        }

        // Without the user id, which may be an email address.
        await transaction.AuditAsync(clock, tenant, actor, "user_limit.set", new { limit.TokensPerDay, limit.TokensPerMonth, models }, ct);
        await transaction.CommitAsync(ct);
        return errors;
    }

    /// <returns>False when the user had no limits.</returns>
    public async Task<bool> RemoveAsync(Guid tenant, string user, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.ExecuteAsync("delete from control.user_limit where tenant_id = $1 and user_id = $2", ct, tenant, ExternalIds.Stored(user)) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant, actor, "user_limit.removed", null, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Users with limits first, then by tokens in this billing period; and the models of the plan.</summary>
    public async Task<(IReadOnlyList<UserUsage> Users, IReadOnlyList<string> Models)> OverviewAsync(Guid tenant, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var subscription = await transaction.SubscriptionAsync(tenant, ct);
        var start = subscription is null ? today : BillingPeriod.Containing(subscription.Anchor, today).CountsFrom;
        var users = await transaction.QueryAsync(
            Overview,
            row => new UserUsage(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetBoolean(3) ? Read(row, 4) : null), ct, tenant, today, start, limit);
        return (users, await PlanModelsAsync(transaction, tenant, ct));
    }

    async Task<IReadOnlyList<string>> PlanModelsAsync(Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.SubscriptionAsync(tenant, ct) is { } subscription && await transaction.PlanAsync(subscription.Plan, clock.GetUtcNow(), ct) is { } plan
            ? [.. plan.Models, .. plan.CustomWeights ? await transaction.QueryAsync(OwnModels, row => row.GetString(0), ct, tenant) : []]
            : [];

    static FieldErrors Validate(UserLimit limit, IReadOnlyList<string> planModels)
    {
        var errors = new FieldErrors();
        errors.Check("user", limit.User.Length > 0 && PlainText.IsPrintable(limit.User)
            ? null : "Enter the user id that calls send, without control characters, or * for all users without their own limits.");
        errors.Check("tokens_per_day", TokensProblem(limit.TokensPerDay));
        errors.Check("tokens_per_month", TokensProblem(limit.TokensPerMonth));
        errors.Check("models", limit.Models is null || (limit.Models.Count > 0 && limit.Models.All(planModels.Contains))
            ? null : $"Choose from the plan's models: {string.Join(", ", planModels)}. Leave it out to allow all of them.");
        return errors;
    }

    static string? TokensProblem(long? tokens) =>
        tokens is null or (>= 0 and <= MaximumTokens) ? null : $"Enter a whole number from 0 to {MaximumTokens}, or leave it out for no separate limit.";

    static UserLimit Read(Npgsql.NpgsqlDataReader row, int at) =>
        new(row.GetString(at), row.Get<long?>(at + 1), row.Get<long?>(at + 2), row.Get<string[]>(at + 3));

    const string OwnModels = "select name from control.tenant_model where tenant_id = $1 and name like 'own/%' and state = 'ready' order by name";

    const string CountOthers = "select count(*) from control.user_limit where tenant_id = $1 and user_id <> $2";

    const string List = """
        select user_id, tokens_per_day, tokens_per_month, models from control.user_limit
        where tenant_id = $1 and ($2::text is null or user_id > $2) order by user_id limit $3
        """;

    const string Upsert = """
        insert into control.user_limit as l (tenant_id, user_id, tokens_per_day, tokens_per_month, models, updated_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (tenant_id, user_id) do update set
            tokens_per_day = excluded.tokens_per_day, tokens_per_month = excluded.tokens_per_month, models = excluded.models, updated_at = excluded.updated_at
        where (l.tokens_per_day, l.tokens_per_month, l.models) is distinct from (excluded.tokens_per_day, excluded.tokens_per_month, excluded.models)
        """;

    const string Overview = """
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
