using System.IO.Compression;
using System.Reflection.PortableExecutable;
using System.Text.Json;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// Lambda takes packages of up to 50 MiB by direct upload. Publishing the package takes minutes, so its size is estimated from the files that go into it;
/// the estimate is above the real size.
/// </summary>
public class PackageSizeTests
{
    const long Limit = 50 * 1024 * 1024;

    // With ReadyToRun an assembly also has machine code: at most twice the size of its IL, compressed.
    const int MachineCode = 2;

    static readonly string[] Runtimes = ["linux-arm64", "linux", "unix"];

    [Fact]
    public void The_package_stays_below_the_limit_for_direct_uploads()
    {
        var files = FilesOfPackage();
        Assert.Contains(files, file => file.EndsWith("libHarfBuzzSharp.so", StringComparison.Ordinal));
        Assert.Contains(files, file => file.EndsWith("ControlPlane.Core.dll", StringComparison.Ordinal));
        var size = files.Sum(SizeInPackage);
        Assert.True(size < Limit, $"About {size / 1024} KiB");
    }

    /// <summary>As ControlPlane.Lambda.deps.json lists them: the assemblies, and the native libraries for Lambda's runtime.</summary>
    static List<string> FilesOfPackage()
    {
        using var dependencies = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ControlPlane.Lambda.deps.json")));
        var libraries = dependencies.RootElement.GetProperty("targets").EnumerateObject().Single().Value.EnumerateObject().Select(library => library.Value).ToList();
        var assemblies = Entries(libraries, "runtime").Select(file => Path.GetFileName(file.Name));
        var natives = Entries(libraries, "runtimeTargets").Where(file => Runtimes.Contains(file.Value.GetProperty("rid").GetString())).Select(file => file.Name);
        return [.. assemblies.Concat(natives).Distinct().Select(file => Path.Combine(AppContext.BaseDirectory, file))];
    }

    static List<JsonProperty> Entries(List<JsonElement> libraries, string kind) =>
        [.. libraries.Where(library => library.TryGetProperty(kind, out _)).SelectMany(library => library.GetProperty(kind).EnumerateObject())];

    static long SizeInPackage(string file)
    {
        var whole = File.ReadAllBytes(file);
        if (Path.GetExtension(file) != ".dll")
        {
            return Compressed(whole);
        }

        using var assembly = new PEReader(new MemoryStream(whole));
        var embedded = assembly.PEHeaders.CorHeader!.ResourcesDirectory;
        var resources = embedded.Size == 0 ? 0 : Compressed(assembly.GetSectionData(embedded.RelativeVirtualAddress).GetContent(0, embedded.Size).AsSpan());
        return Compressed(whole) + (MachineCode * Math.Max(0, Compressed(whole) - resources));
    }

    static long Compressed(ReadOnlySpan<byte> content)
    {
        using var buffer = new MemoryStream();
        using (var deflate = new DeflateStream(buffer, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(content);
        }

        return buffer.Length;
    }
}
