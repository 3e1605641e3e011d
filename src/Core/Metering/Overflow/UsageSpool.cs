using System.IO.Compression;

namespace ControlPlane.Metering.Overflow;

/// <param name="Events">That wait to be counted.</param>
/// <param name="Bytes">Of their files.</param>
/// <param name="Oldest">When the first of them was written, on the machine's clock; null when none waits.</param>
/// <param name="FailedFiles">That need a person.</param>
public sealed record SpoolBacklog(long Events, long Bytes, DateTimeOffset? Oldest, int FailedFiles);

/// <summary>
/// The overflow as files in a folder. Deliveries that come at once share a file and its way to the disk. A file is there as a whole or not at all,
/// goes only after what is in it is committed, and lies in <see cref="FailedFolder"/> when it cannot be counted.
/// </summary>
public sealed class UsageSpool : IUsageOverflow, IAsyncDisposable
{
    /// <summary>A name that is older without being finished was left by a process that is gone; nobody was told that it is kept.</summary>
    static readonly TimeSpan Stale = TimeSpan.FromHours(1);

    readonly RequestBatcher<(byte[] Json, int Events), bool> _writing;
    readonly SpoolMetrics _metrics;
    readonly TimeProvider _time;
    readonly long _maximumBytes;
    long _bytes;

    /// <param name="maximumBytes">Of the files that wait, as they are on disk.</param>
    /// <param name="time">The machine's. Files are called by it.</param>
    /// <exception cref="IOException">The folder cannot be made or read.</exception>
    public UsageSpool(string folder, long maximumBytes, TimeProvider time)
    {
        (Folder, _maximumBytes, _time) = (folder, maximumBytes, time);
        DurableFile.MakeFolder(folder);
        foreach (var partial in Directory.EnumerateFiles(folder, "*" + DurableFile.Partial).Where(file => File.GetLastWriteTimeUtc(file) < time.GetUtcNow() - Stale))
        {
            File.Delete(partial);
        }

        Waiting();
        // One at a time, so that the order of the files is that of the deliveries.
        _writing = new RequestBatcher<(byte[] Json, int Events), bool>((deliveries, _) => Task.FromResult<IReadOnlyList<bool>>(Write(deliveries)), concurrency: 1);
        _metrics = new SpoolMetrics(this, time);
    }

    public string Folder { get; }

    /// <summary>What needs a person, each with its reason beside it. Moved back, it is tried again.</summary>
    public string FailedFolder => Path.Combine(Folder, "failed");

    public Task AddAsync(OverflowDelivery delivery, CancellationToken ct) => _writing.RunAsync((delivery.ToJson(), delivery.Events.Count), ct);

    public bool AnyWaits => SpoolFile.Any(Folder);

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<SpoolFile> Waiting()
    {
        List<SpoolFile> files = [.. SpoolFile.In(Folder)];
        Volatile.Write(ref _bytes, files.Sum(file => file.Bytes));
        return files;
    }

    public SpoolBacklog Backlog()
    {
        var waiting = Waiting();
        return new SpoolBacklog(
            waiting.Sum(file => (long)file.Events), waiting.Sum(file => file.Bytes), waiting.Select(file => file.WrittenAt).FirstOrDefault(at => at is not null),
            Directory.Exists(FailedFolder) ? SpoolFile.In(FailedFolder).Count() : 0);
    }

    /// <summary>Its events are committed. A power cut may bring it back; then they are duplicates.</summary>
    public void Remove(SpoolFile file)
    {
        File.Delete(file.Path);
        Interlocked.Add(ref _bytes, -file.Bytes);
    }

    /// <summary>A file that cannot be read.</summary>
    public void SetAside(SpoolFile file, string reason)
    {
        WriteReason(file.Name, reason);
        File.Move(file.Path, Path.Combine(FailedFolder, file.Name), overwrite: true);
        DurableFile.SyncFolder(FailedFolder);
        DurableFile.SyncFolder(Folder);
        Interlocked.Add(ref _bytes, -file.Bytes);
    }

    /// <summary>One delivery of a file that cannot be counted. The file stays as it is; doing this again changes nothing.</summary>
    public void SetAside(SpoolFile file, int line, OverflowDelivery delivery, string reason)
    {
        var name = file.NameOfLine(line, delivery.Events.Count);
        var path = Path.Combine(FailedFolder, name);
        if (!File.Exists(path))
        {
            WriteReason(name, reason);
            WriteLines(path, [delivery.ToJson()]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _metrics.Dispose();
        await _writing.DisposeAsync();
    }

    bool[] Write(IReadOnlyList<(byte[] Json, int Events)> deliveries)
    {
        if (Volatile.Read(ref _bytes) >= _maximumBytes)
        {
            throw new OverflowFullException("The database is away, and so much usage waits for it already that no more is taken. Send it again later.");
        }

        try
        {
            var name = SpoolFile.NewName(_time.GetUtcNow(), deliveries.Sum(delivery => delivery.Events));
            Interlocked.Add(ref _bytes, WriteLines(Path.Combine(Folder, name), deliveries.Select(delivery => delivery.Json)));
            return new bool[deliveries.Count];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OverflowFullException("The database is away, and usage cannot be kept for it: the disk is full or fails. Send it again later.", e);
        }
    }

    void WriteReason(string name, string reason)
    {
        // A person who tidied up may have removed it.
        DurableFile.MakeFolder(FailedFolder);
        File.WriteAllText(Path.Combine(FailedFolder, SpoolFile.ReasonOf(name)), reason + Environment.NewLine);
    }

    static long WriteLines(string path, IEnumerable<byte[]> deliveries)
    {
        var bytes = 0L;
        DurableFile.Write(path, file =>
        {
            using (var compressed = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
            {
                foreach (var delivery in deliveries)
                {
                    compressed.Write(delivery);
                    compressed.WriteByte((byte)'\n');
                }
            }

            bytes = file.Position;
        });
        return SpoolFile.OnDisk(bytes);
    }
}
