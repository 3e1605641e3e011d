namespace ControlPlane.DataPlane;

/// <summary>Files of <c>dataplane/</c> that are embedded in this assembly.</summary>
static class EmbeddedFile
{
    public static string Read(string name)
    {
        using var reader = new StreamReader(typeof(EmbeddedFile).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
