// dotnet run scripts/zip.cs -- FOLDER FILE: a zip of a folder, whose bytes depend on names and contents only.
using System.IO.Compression;

if (args is not [var folder, var file])
{
    Console.Error.WriteLine("Usage: dotnet run scripts/zip.cs -- FOLDER FILE");
    return 1;
}

// The first moment a zip can name, whatever the time zone.
var moment = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
const int ReadableByAll = 0b110_100_100 << 16;
using var zip = new ZipArchive(File.Create(file), ZipArchiveMode.Create);
foreach (var name in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
    .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal))
{
    var entry = zip.CreateEntry(name, CompressionLevel.SmallestSize);
    entry.LastWriteTime = moment;
    entry.ExternalAttributes = ReadableByAll;
    using var content = entry.Open();
    using var source = File.OpenRead(Path.Combine(folder, name));
    source.CopyTo(content);
}

return 0;
