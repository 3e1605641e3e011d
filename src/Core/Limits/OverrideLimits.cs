using System.ComponentModel.DataAnnotations;
using ControlPlane.Accounts;

namespace ControlPlane.Limits;

/// <summary>Limits that an operator sets for one tenant; null: the plan's limit applies.</summary>
/// <param name="StorageGib">GiB that its environment may store.</param>
/// <param name="Reason">For later readers, such as a ticket number.</param>
public sealed record LimitOverride(long? TokensPerDay, long? TokensPerMonth, long? RagFiles, long? WebSearchesPerMonth, long? ImagesPerMonth, long? StorageGib, [property: Required] string? Reason);

public abstract record OverrideResult
{
    public sealed record Done : OverrideResult;
    public sealed record Invalid(FieldErrors Errors) : OverrideResult;
    public sealed record NotFound : OverrideResult;
}

/// <summary>Sets and removes an operator's limits for one tenant. They apply from the next authorization on, that of storage from the next measurement on.</summary>
public sealed class OverrideLimits(ControlDatabase database, Clock clock)
{
    const int MaximumReasonLength = 500, MaximumStorageGib = 1_000_000;

    /// <summary>The rows of a tenant in use are locked for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    public async Task<OverrideResult> SetAsync(Guid tenant, LimitOverride limits, string actor, CancellationToken ct)
    {
        var errors = Validate(limits);
        if (errors.Count > 0)
        {
            return new OverrideResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var set = await transaction.ExecuteAsync(
            Upsert, ct, tenant, limits.TokensPerDay, limits.TokensPerMonth, (int?)limits.RagFiles, (int?)limits.WebSearchesPerMonth, (int?)limits.ImagesPerMonth,
            (int?)limits.StorageGib, limits.Reason!.Trim(), clock.GetUtcNow());
        return set == 0 ? new OverrideResult.NotFound() : await CommitAsync(transaction, tenant, actor, "limits.overridden", limits, ct);
    }

    public async Task<OverrideResult> RemoveAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        return await transaction.ExecuteAsync("delete from control.budget_override where tenant_id = $1", ct, tenant) == 0
            ? new OverrideResult.NotFound()
            : await CommitAsync(transaction, tenant, actor, "limits.override_removed", null, ct);
    }

    /// <returns>null: the plan's limits apply.</returns>
    public static Task<LimitOverride?> FindAsync(Transaction transaction, Guid tenant, CancellationToken ct) => transaction.FirstAsync(
        Select,
        row => new LimitOverride(
            row.Get<long?>(0), row.Get<long?>(1), row.Get<int?>(2), row.Get<int?>(3), row.Get<int?>(4), row.Get<int?>(5), row.GetString(6)), ct, tenant);

    async Task<OverrideResult> CommitAsync(
        Transaction transaction, Guid tenant, string actor, string action, LimitOverride? limits, CancellationToken ct)
    {
        await transaction.CheckAlertsAgainAsync(clock, tenant, ct);
        await transaction.AuditAsync(clock, tenant, actor, action, limits, ct);
        await transaction.CommitAsync(ct);
        return new OverrideResult.Done();
    }

    static FieldErrors Validate(LimitOverride limits)
    {
        var errors = new FieldErrors();
        Check("tokens_per_day", limits.TokensPerDay, UserLimits.MaximumTokens);
        Check("tokens_per_month", limits.TokensPerMonth, UserLimits.MaximumTokens);
        Check("rag_files", limits.RagFiles, int.MaxValue);
        Check("web_searches_per_month", limits.WebSearchesPerMonth, int.MaxValue);
        Check("images_per_month", limits.ImagesPerMonth, int.MaxValue);
        Check("storage_gib", limits.StorageGib, MaximumStorageGib, minimum: 1);
        errors.Check("reason", limits.Reason?.Trim() is { Length: > 0 and <= MaximumReasonLength } reason && PlainText.IsPrintable(reason)
            ? null : $"Enter a reason of 1 to {MaximumReasonLength} characters. It is kept in the audit log.");
        if (limits is { TokensPerDay: null, TokensPerMonth: null, RagFiles: null, WebSearchesPerMonth: null, ImagesPerMonth: null, StorageGib: null })
        {
            errors.Check("tokens_per_day", "Set at least one limit. To use the plan's limits again, remove the override.");
        }

        return errors;

        void Check(string field, long? value, long maximum, long minimum = 0) =>
            errors.Check(field, value is null || (value >= minimum && value <= maximum) ? null : $"Enter a whole number from {minimum} to {maximum}, or leave it out to use the plan's limit.");
    }

    const string Select = """
        select tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month, storage_gib, reason from control.budget_override where tenant_id = $1
        """;

    const string Upsert = """
        insert into control.budget_override
            (tenant_id, tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month, storage_gib, reason, updated_at)
        select id, $2, $3, $4, $5, $6, $7, $8, $9 from control.tenant where id = $1
        on conflict (tenant_id) do update set
            tokens_per_day = excluded.tokens_per_day, tokens_per_month = excluded.tokens_per_month, rag_files = excluded.rag_files,
            web_searches_per_month = excluded.web_searches_per_month, images_per_month = excluded.images_per_month, storage_gib = excluded.storage_gib, reason = excluded.reason,
            updated_at = excluded.updated_at
        """;
}
