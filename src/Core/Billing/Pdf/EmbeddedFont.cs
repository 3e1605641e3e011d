namespace ControlPlane.Billing.Pdf;

/// <summary>Font files that were embedded while building, so no machine needs a font installed.</summary>
static class EmbeddedFont
{
    /// <exception cref="InvalidOperationException">The file is not embedded: the build left it out.</exception>
    public static byte[] Read(string name)
    {
        using var resource = typeof(EmbeddedFont).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded.");
        var file = new byte[resource.Length];
        resource.ReadExactly(file);
        return file;
    }
}
