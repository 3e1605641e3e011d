using System.IO.Compression;

namespace ControlPlane.Metering.Overflow;

/// <param name="Events">Queued events.</param>
/// <param name="Bytes">Size of their files on disk.</param>
/// <param name="Oldest">When the first of them was written, by the machine's clock; null when the spool is empty.</param>
/// <param name="FailedFiles">Files that need an operator.</param>
public sealed record SpoolBacklog(long Events, long Bytes, DateTimeOffset? Oldest, int FailedFiles);

/// <summary>
/// The overflow as files in a folder. Concurrent deliveries share a file and its fsync. A file is written atomically, deleted only after its deliveries
/// are committed, and moved to <see cref="FailedFolder"/> when it cannot be counted.
/// </summary>
public sealed class UsageSpool : IUsageOverflow, IAsyncDisposable
{
    /// <summary>An older partial file was left by a crashed process. Its deliveries were never acknowledged.</summary>
    static readonly TimeSpan MaximumPartialAge = TimeSpan.FromHours(1);

    /// <summary>One tenant may fill this part of the spool.</summary>
    const int TenantPart = 4;

    readonly RequestBatcher<Pending, bool> _writer;
    readonly SpoolShares _shares;
    readonly SpoolMetrics _metrics;
    readonly TimeProvider _time;
    readonly long _maximumBytes;
    long _bytes;
    long _failedBytes;

    /// <param name="maximumBytes">Size of all queued files on disk, and of all failed ones.</param>
    /// <param name="time">The machine's clock, used in file names.</param>
    /// <exception cref="IOException">The folder cannot be created or read.</exception>
    public UsageSpool(string folder, long maximumBytes, TimeProvider time)
    {
        (Folder, _maximumBytes, _time) = (folder, maximumBytes, time);
        _shares = new SpoolShares(Math.Max(1, maximumBytes / TenantPart));
        DurableFile.CreateFolder(folder);
        foreach (var partial in Directory.EnumerateFiles(folder, "*" + DurableFile.Partial).Where(file => File.GetLastWriteTimeUtc(file) < time.GetUtcNow() - MaximumPartialAge))
        {
            File.Delete(partial);
        }

        PendingFiles();
        // One batch at a time, so that the files are in the order of the deliveries.
        _writer = new RequestBatcher<Pending, bool>((deliveries, _) => Task.FromResult<IReadOnlyList<bool>>(Write(deliveries)));
        _metrics = new SpoolMetrics(this, time);
    }

    public string Folder { get; }

    /// <summary>Files that need an operator, each with a file that states the reason. A file that is moved back is retried.</summary>
    public string FailedFolder => Path.Combine(Folder, "failed");

    /// <summary>Whether failed files take up all the space they may. What cannot be counted then stays queued, where it uses up its tenant's part of the spool.</summary>
    public bool IsFailedFolderFull => Volatile.Read(ref _failedBytes) >= Math.Max(1, _maximumBytes);

    public async Task AddAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        if (!await _writer.RunAsync(new Pending(delivery.Tenant, delivery.ToJson(), delivery.Events.Count), ct))
        {
            throw new OverflowFullException(
                "The database is unavailable, and as much usage of your organization is queued as one tenant may queue. Send the delivery again later.");
        }
    }

    public bool HasPendingFiles => SpoolFile.AnyIn(Folder);

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<SpoolFile> PendingFiles()
    {
        List<SpoolFile> files = [.. SpoolFile.AllIn(Folder)];
        Volatile.Write(ref _bytes, files.Sum(file => file.Bytes));
        _shares.RemoveMissing(name => File.Exists(Path.Combine(Folder, name)));
        // An operator deletes files there, and moves them back.
        Volatile.Write(
            ref _failedBytes,
            Directory.Exists(FailedFolder) ? new DirectoryInfo(FailedFolder).EnumerateFiles().Sum(file => file.Exists ? SpoolFile.SizeOnDisk(file.Length) : 0) : 0);
        return files;
    }

    public SpoolBacklog Backlog()
    {
        var pending = PendingFiles();
        return new SpoolBacklog(
            pending.Sum(file => (long)file.Events), pending.Sum(file => file.Bytes), pending.Select(file => file.WrittenAt).FirstOrDefault(at => at is not null),
            Directory.Exists(FailedFolder) ? SpoolFile.AllIn(FailedFolder).Count() : 0);
    }

    /// <summary>Deletes a file after its events were committed. After a power failure it may exist again; then its events are duplicates.</summary>
    public void Remove(SpoolFile file)
    {
        File.Delete(file.Path);
        Forget(file);
    }

    /// <summary>Moves a file that cannot be read.</summary>
    /// <returns>False when the failed folder is full: the file stays where it is.</returns>
    public bool MoveToFailed(SpoolFile file, string reason)
    {
        if (IsFailedFolderFull)
        {
            return false;
        }

        WriteReason(file.Name, reason);
        File.Move(file.Path, Path.Combine(FailedFolder, file.Name), overwrite: true);
        DurableFile.SyncFolder(FailedFolder);
        DurableFile.SyncFolder(Folder);
        Interlocked.Add(ref _failedBytes, file.Bytes);
        Forget(file);
        return true;
    }

    /// <summary>Copies one delivery that cannot be counted. The original file does not change. Idempotent.</summary>
    /// <returns>False when the failed folder is full: nothing was copied.</returns>
    public bool CopyToFailed(SpoolFile file, int line, OverflowDelivery delivery, string reason)
    {
        var name = file.LineFileName(line, delivery.Events.Count);
        var path = Path.Combine(FailedFolder, name);
        if (File.Exists(path))
        {
            return true;
        }

        if (IsFailedFolderFull)
        {
            return false;
        }

        WriteReason(name, reason);
        Interlocked.Add(ref _failedBytes, WriteLines(path, [delivery.ToJson()]));
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        _metrics.Dispose();
        await _writer.DisposeAsync();
    }

    void Forget(SpoolFile file)
    {
        Interlocked.Add(ref _bytes, -file.Bytes);
        _shares.Remove(file.Name);
    }

    /// <returns>For each delivery whether it is stored; otherwise its tenant has no room left.</returns>
    bool[] Write(IReadOnlyList<Pending> deliveries)
    {
        if (Volatile.Read(ref _bytes) >= _maximumBytes)
        {
            throw new OverflowFullException("The database is unavailable and the usage spool is full. Send the delivery again later.");
        }

        bool[] hasRoom = [.. deliveries.Select(delivery => _shares.HasRoom(delivery.Tenant))];
        List<Pending> accepted = [.. deliveries.Where((_, index) => hasRoom[index])];
        if (accepted.Count == 0)
        {
            return hasRoom;
        }

        try
        {
            var path = Path.Combine(Folder, SpoolFile.NewName(_time.GetUtcNow(), accepted.Sum(delivery => delivery.Events)));
            var file = new SpoolFile(path, WriteLines(path, accepted.Select(delivery => delivery.Json)));
            Interlocked.Add(ref _bytes, file.Bytes);
            _shares.Add(file, accepted.ConvertAll(delivery => (delivery.Tenant, delivery.Json.Length)));
            if (!File.Exists(path))
            {
                // Drained already.
                _shares.Remove(file.Name);
            }

            return hasRoom;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OverflowFullException("The database is unavailable and the delivery could not be stored: the disk is full or failing. Send the delivery again later.", e);
        }
    }

    void WriteReason(string name, string reason)
    {
        // An operator may have deleted the folder.
        DurableFile.CreateFolder(FailedFolder);
        var text = reason + Environment.NewLine;
        File.WriteAllText(Path.Combine(FailedFolder, SpoolFile.ReasonFileName(name)), text);
        Interlocked.Add(ref _failedBytes, SpoolFile.SizeOnDisk(text.Length));
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
        return SpoolFile.SizeOnDisk(bytes);
    }

    readonly record struct Pending(Guid Tenant, byte[] Json, int Events);
}
