using ControlPlane.Limits;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing;

public abstract record SetSpendLimitResult
{
    public sealed record Done : SetSpendLimitResult;
    public sealed record Invalid(FieldErrors Errors) : SetSpendLimitResult;
    public sealed record NotFound : SetSpendLimitResult;
}

/// <summary>Sets how much overage a period of a tenant may cost. Beyond it calls are denied.</summary>
public sealed class SetSpendLimit(ControlDatabase database, Clock clock)
{
    const decimal Highest = 1_000_000m;

    /// <param name="eur">null: no limit.</param>
    public async Task<SetSpendLimitResult> RunAsync(Guid tenant, decimal? eur, string actor, CancellationToken ct)
    {
        if (Validate(eur) is { } error)
        {
            return new SetSpendLimitResult.Invalid(new FieldErrors { ["eur"] = error });
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.SubscriptionAsync(tenant, ct) is not { } subscription)
        {
            return new SetSpendLimitResult.NotFound();
        }

        if (subscription.SpendLimitEur != eur)
        {
            await transaction.SetSpendLimitAsync(tenant, eur, ct);
            await transaction.CheckAlertsAgainAsync(clock, tenant, ct);
            await transaction.AuditAsync(clock, tenant, actor, "spend_limit.set", new { eur }, ct);
            await transaction.CommitAsync(ct);
        }

        return new SetSpendLimitResult.Done();
    }

    static string? Validate(decimal? eur) => eur switch
    {
        null => null,
        < 0 or > Highest => "Enter an amount from 0 to 1000000 EUR, or leave it out: no limit.",
        var amount when Money.ToCents(amount.Value) != amount => "Enter at most 2 decimals.",
        _ => null,
    };
}
