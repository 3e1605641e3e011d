// Creates a reproducible zip of a folder, which depends only on file names and contents: dotnet run scripts/zip.cs -- FOLDER FILE
using System.IO.Compression;

if (args is not [var folder, var file])
{
    Console.Error.WriteLine("Usage: dotnet run scripts/zip.cs -- FOLDER FILE");
    return 1;
}

// The earliest time in a zip, independent of the time zone.
var timestamp = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
const int ReadableByAll = 0b110_100_100 << 16;
// Started by a custom Lambda runtime. Other runtimes only read the files.
const string Bootstrap = "bootstrap";
const int ExecutableByAll = 0b111_101_101 << 16;
using var zip = new ZipArchive(File.Create(file), ZipArchiveMode.Create);
foreach (var name in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
    .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal))
{
    var entry = zip.CreateEntry(name, CompressionLevel.SmallestSize);
    entry.LastWriteTime = timestamp;
    entry.ExternalAttributes = name == Bootstrap ? ExecutableByAll : ReadableByAll;
    using var content = entry.Open();
    using var source = File.OpenRead(Path.Combine(folder, name));
    source.CopyTo(content);
}

return 0;
