namespace ControlPlane.Web.Payments;

/// <summary>Declines in plain words.</summary>
public static class DeclineText
{
    public static string Of(Decline reason) => reason switch
    {
        { Code: "insufficient_funds" } => "The account has insufficient funds. Pay with another method, or try again later.",
        { Code: "authentication_required" } => "The bank wants you to confirm the payment: pay in the portal.",
        { Code: "expired_card" } => "The card has expired. Save a new one in the portal.",
        { Code: Decline.NoMethod or Decline.MethodRemoved } => "No payment method is saved: add one in the portal, under Billing.",
        { Kind: DeclineKind.Hard } => "The bank refuses this payment method. Save another one in the portal.",
        _ => "The bank has declined the payment. Try again later, or save another method in the portal.",
    };
}
