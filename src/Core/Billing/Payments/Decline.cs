using System.Collections.Frozen;

namespace ControlPlane.Billing.Payments;

/// <summary>What can help after a declined payment.</summary>
public enum DeclineKind
{
    /// <summary>The same method may work later.</summary>
    Retry,
    /// <summary>Only the customer: by confirming, or with another or renewed method.</summary>
    Customer,
    /// <summary>Nothing: the method is never tried again.</summary>
    Hard,
}

/// <param name="Code">The bank's or provider's: <c>insufficient_funds</c>.</param>
/// <param name="Message">The provider's sentence, for operators.</param>
public sealed record Decline(string Code, DeclineKind Kind, string Message)
{
    /// <summary>The customer has saved no method.</summary>
    public const string NoMethod = "no_method";

    /// <summary>The saved method was removed at the provider.</summary>
    public const string MethodRemoved = "method_removed";

    /// <param name="advice">What the issuer recommends, if it does.</param>
    public static Decline Of(string code, string? advice, string message) => new(code, DeclineKinds.Of(code, advice), message);
}

/// <summary>Which declines are tried again. Card networks charge fees for tries that cannot succeed.</summary>
public static class DeclineKinds
{
    static readonly FrozenSet<string> Customer = FrozenSet.Create("authentication_required", "expired_card", Decline.NoMethod, Decline.MethodRemoved);

    static readonly FrozenSet<string> Hard = FrozenSet.Create(
        "lost_card", "stolen_card", "pickup_card", "incorrect_number", "invalid_account", "fraudulent", "merchant_blacklist", "restricted_card",
        "card_not_supported", "revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order", "security_violation", "not_permitted");

    public static DeclineKind Of(string code, string? advice) =>
        advice == "do_not_try_again" || Hard.Contains(code) ? DeclineKind.Hard
        : advice == "confirm_card_data" || Customer.Contains(code) ? DeclineKind.Customer
        : DeclineKind.Retry;
}
