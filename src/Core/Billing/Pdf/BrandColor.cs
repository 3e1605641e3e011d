namespace ControlPlane.Billing.Pdf;

/// <summary>The accent colour of everything a customer sees; the portal's style sheet has the same one, and a test compares them.</summary>
public static class BrandColor
{
    public const string Accent = "#0b6a60";
}
