using ControlPlane.Subscriptions;

namespace ControlPlane.Billing;

public abstract record ExtendTrialResult
{
    public sealed record Extended(DateTimeOffset EndsAt) : ExtendTrialResult;
    public sealed record Invalid(FieldErrors Errors) : ExtendTrialResult;
    /// <summary>It has a plan already, or has ended.</summary>
    public sealed record NoTrial : ExtendTrialResult;
    public sealed record NotFound : ExtendTrialResult;
}

/// <summary>Sets when a trial ends, for an operator. One that had ended goes on: the job <c>provision</c> starts its environment again.</summary>
public sealed class ExtendTrial(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    public async Task<ExtendTrialResult> RunAsync(Guid tenant, DateTimeOffset? endsAt, string actor, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (endsAt is not { } ends || ends <= now || ends > now + Longest)
        {
            return new ExtendTrialResult.Invalid(new FieldErrors { ["ends_at"] = "Enter an instant in the future, at most a year from now." });
        }

        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.ExecuteAsync(SubscriptionLock.Acquire, ct, tenant);
        switch (await transaction.SubscriptionAsync(tenant, ct))
        {
            case null or { TenantDeletedAt: not null }:
                return new ExtendTrialResult.NotFound();
            case not { Status: "active", TrialEndsAt: not null }:
                return new ExtendTrialResult.NoTrial();
        }

        await transaction.SetTrialEndAsync(tenant, ends.ToUniversalTime(), ct);
        await transaction.AuditAsync(clock, tenant, actor, "trial.extended", new { ends_at = ends.ToUniversalTime() }, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
        await transaction.CommitAsync(ct);
        return new ExtendTrialResult.Extended(ends.ToUniversalTime());
    }
}
