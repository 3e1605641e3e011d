namespace ControlPlane.Billing.Pdf;

/// <summary>The typeface of invoices, embedded by the build (Inter.targets).</summary>
public static class Inter
{
    static readonly Lazy<TrueTypeFont> LazyRegular = new(() => Load("Inter-Regular"));
    static readonly Lazy<TrueTypeFont> LazyBold = new(() => Load("Inter-Bold"));

    public static TrueTypeFont Regular => LazyRegular.Value;
    public static TrueTypeFont Bold => LazyBold.Value;

    static TrueTypeFont Load(string name) => new(name, EmbeddedFont.Read($"{name}.ttf"));
}
