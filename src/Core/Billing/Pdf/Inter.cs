namespace ControlPlane.Billing.Pdf;

/// <summary>The typeface of invoices, embedded while building (Inter.targets), so no machine needs a font installed.</summary>
public static class Inter
{
    static readonly Lazy<TrueTypeFont> LazyRegular = new(() => Load("Inter-Regular"));
    static readonly Lazy<TrueTypeFont> LazyBold = new(() => Load("Inter-Bold"));

    public static TrueTypeFont Regular => LazyRegular.Value;
    public static TrueTypeFont Bold => LazyBold.Value;

    static TrueTypeFont Load(string name)
    {
        using var resource = typeof(Inter).Assembly.GetManifestResourceStream($"{name}.ttf")
            ?? throw new InvalidOperationException($"{name}.ttf is not embedded: Inter.targets did not run.");
        var file = new byte[resource.Length];
        resource.ReadExactly(file);
        return new TrueTypeFont(name, file);
    }
}
