namespace ControlPlane.Billing.Pdf;

/// <summary>Reads the font files that the build embedded, so no machine needs a font installed.</summary>
static class EmbeddedFont
{
    /// <exception cref="InvalidOperationException">The build did not embed the file.</exception>
    public static byte[] Read(string name)
    {
        using var resource = typeof(EmbeddedFont).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded.");
        var file = new byte[resource.Length];
        resource.ReadExactly(file);
        return file;
    }
}
