namespace ControlPlane.Tests.Metering.Overflow;

public sealed class UsageSpoolTests : IDisposable
{
    const long AmpleBytes = 1 << 30;
    static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    readonly string _parent = Directory.CreateTempSubdirectory("controlplane-spool-").FullName;

    string Folder => Path.Combine(_parent, "spool");

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public async Task Deliveries_survive_a_restart_in_order()
    {
        await using (var spool = NewSpool())
        {
            for (var n = 0; n < 20; n++)
            {
                await spool.AddAsync(Delivery($"e{n}"), default);
            }
        }

        await using var reopened = NewSpool();
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $"e{n}"), (await ReadAsync(reopened)).SelectMany(delivery => delivery.Events));
        Assert.Equal(20, reopened.Backlog().Events);
        Assert.NotNull(reopened.Backlog().Oldest);
    }

    [Fact]
    public async Task Concurrent_deliveries_share_files_and_each_is_stored_once()
    {
        await using var spool = NewSpool();
        var names = Enumerable.Range(0, 500).Select(n => $"e{n}").ToList();

        await Task.WhenAll(names.Select(name => Task.Run(() => spool.AddAsync(Delivery(name), default))));

        Assert.Equal(names.Order(), (await ReadAsync(spool)).SelectMany(delivery => delivery.Events).Order());
        Assert.True(spool.PendingFiles().Count < names.Count);
        Assert.Equal(names.Count, spool.Backlog().Events);
    }

    [Fact]
    public async Task A_partial_file_is_not_listed_and_is_deleted_when_it_is_old()
    {
        Directory.CreateDirectory(Folder);
        var (torn, old) = (Path.Combine(Folder, "20260131T120000.0000000Z-00000000-1.json.gz.partial"), Path.Combine(Folder, "20260101T120000.0000000Z-00000000-1.json.gz.partial"));
        await File.WriteAllTextAsync(torn, "half of");
        await File.WriteAllTextAsync(old, "half of");
        File.SetLastWriteTimeUtc(old, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-2));

        await using var spool = NewSpool();

        Assert.Empty(spool.PendingFiles());
        Assert.True(File.Exists(torn));
        Assert.False(File.Exists(old));
    }

    [Fact]
    public async Task A_truncated_or_corrupted_file_never_yields_fewer_or_different_events()
    {
        await using var spool = NewSpool();
        await Task.WhenAll(spool.AddAsync(Delivery("e1"), default), spool.AddAsync(Delivery("e2"), default));
        var file = spool.PendingFiles()[^1];
        var whole = await ReadAsync(file);
        var bytes = await File.ReadAllBytesAsync(file.Path);
        var truncated = Enumerable.Range(0, bytes.Length).Select(length => bytes[..length]);
        var corrupted = Enumerable.Range(0, bytes.Length).Select(at => (byte[])[.. bytes[..at], (byte)(bytes[at] ^ 4), .. bytes[(at + 1)..]]);

        var unreadable = 0;
        foreach (var damaged in truncated.Concat(corrupted))
        {
            await File.WriteAllBytesAsync(file.Path, damaged);
            try
            {
                Assert.Equal(whole.SelectMany(delivery => delivery.Events), (await ReadAsync(file)).SelectMany(delivery => delivery.Events));
            }
            catch (InvalidDataException)
            {
                unreadable++;
            }
        }

        // Undetected damage is in the header or the last bytes, which do not affect the content.
        Assert.InRange(unreadable, (2 * bytes.Length) - 30, 2 * bytes.Length);
    }

    [Fact]
    public async Task A_full_spool_refuses_deliveries_until_there_is_space_even_after_a_restart()
    {
        await using (var spool = NewSpool(maximumBytes: 1))
        {
            await spool.AddAsync(Delivery("e1"), default);
            await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e2"), default));
        }

        await using var reopened = NewSpool(maximumBytes: 1);
        await Assert.ThrowsAsync<OverflowFullException>(() => reopened.AddAsync(Delivery("e2"), default));
        reopened.Remove(Assert.Single(reopened.PendingFiles()));
        await reopened.AddAsync(Delivery("e3"), default);
        Assert.Equal(["e3"], Assert.Single(await ReadAsync(reopened)).Events);
    }

    [Fact]
    public async Task One_tenant_fills_a_quarter_of_the_spool_and_then_again_as_much_as_was_drained()
    {
        // A file takes a block of 4 KiB, so the tenant may have four of them.
        await using var spool = NewSpool(maximumBytes: 64 * 1024);
        for (var n = 0; n < 4; n++)
        {
            await spool.AddAsync(Delivery($"e{n}"), default);
        }

        var refused = await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e4"), default));
        Assert.Contains("your organization", refused.Message, StringComparison.Ordinal);
        var other = new Guid("0198a000-0000-7000-8000-00000000000b");
        // Also in one file with a delivery that is refused.
        var mixed = Enumerable.Range(0, 20).Select(n => spool.AddAsync(n % 2 == 0 ? Delivery("full") : Delivery("other", other), default)).ToList();
        foreach (var (n, adding) in mixed.Index())
        {
            Assert.Equal(n % 2 == 0, await Record.ExceptionAsync(() => adding) is OverflowFullException);
        }

        Assert.Equal(10, (await ReadAsync(spool)).Count(delivery => delivery.Tenant == other));
        Assert.Equal(14, spool.Backlog().Events);

        spool.Remove(spool.PendingFiles()[0]);
        await spool.AddAsync(Delivery("e5"), default);
        // Another process on the same folder drains files, too.
        File.Delete(spool.PendingFiles()[0].Path);
        _ = spool.PendingFiles();
        await spool.AddAsync(Delivery("e6"), default);
        await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e7"), default));
    }

    [Fact]
    public async Task A_disk_failure_is_reported_and_leaves_no_files()
    {
        await using var spool = NewSpool();
        Directory.Delete(Folder, recursive: true);

        await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e1"), default));
        Directory.CreateDirectory(Folder);
        Assert.Empty(Directory.GetFiles(Folder));
        await spool.AddAsync(Delivery("e2"), default);
        Assert.Single(spool.PendingFiles());
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_spool()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using var spool = NewSpool();
        await spool.AddAsync(Delivery("e1"), default);

        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(ownerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(ownerOnly, File.GetUnixFileMode(Assert.Single(spool.PendingFiles()).Path));
    }

    [Fact]
    public async Task A_failed_delivery_is_stored_with_its_reason_and_pending_again_when_moved_back()
    {
        await using var spool = NewSpool();
        await spool.AddAsync(Delivery("e1"), default);
        var file = Assert.Single(spool.PendingFiles());

        spool.CopyToFailed(file, line: 1, Delivery("e1"), "it violates a constraint");
        spool.CopyToFailed(file, line: 1, Delivery("e1"), "it violates a constraint");
        spool.Remove(file);

        Assert.Empty(spool.PendingFiles());
        Assert.Equal(1, spool.Backlog().FailedFiles);
        Assert.Equal("it violates a constraint", (await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(spool.FailedFolder, "*.reason.txt")))).Trim());
        var failed = Assert.Single(Directory.GetFiles(spool.FailedFolder, "*.json.gz"));
        File.Move(failed, Path.Combine(Folder, Path.GetFileName(failed)));
        Assert.Equal(["e1"], Assert.Single(await ReadAsync(spool)).Events);
        Assert.Equal(file.WrittenAt, spool.Backlog().Oldest);
    }

    [Fact]
    public async Task Failed_files_take_up_as_much_as_the_spool_may_and_then_nothing_is_set_aside_until_an_operator_makes_room()
    {
        // Each failed delivery takes a block of 4 KiB, and so does its reason.
        await using var spool = NewSpool(maximumBytes: 16 * 1024);
        await spool.AddAsync(Delivery("e1"), default);
        var file = Assert.Single(spool.PendingFiles());

        Assert.Equal([true, true, false], Enumerable.Range(1, 3).Select(line => spool.CopyToFailed(file, line, Delivery("e1"), "why")).ToList());
        Assert.True(spool.CopyToFailed(file, 2, Delivery("e1"), "why"), "It is there already.");
        Assert.False(spool.MoveToFailed(file, "why"));
        Assert.True(spool.IsFailedFolderFull);
        Assert.Equal(2, spool.Backlog().FailedFiles);
        Assert.Single(spool.PendingFiles());

        // Also after a restart.
        await using var reopened = NewSpool(maximumBytes: 16 * 1024);
        Assert.True(reopened.IsFailedFolderFull);
        Directory.Delete(spool.FailedFolder, recursive: true);
        Assert.Single(reopened.PendingFiles());
        Assert.False(reopened.IsFailedFolderFull);
        Assert.True(reopened.MoveToFailed(file, "why"));
        Assert.Empty(reopened.PendingFiles());
    }

    UsageSpool NewSpool(long maximumBytes = AmpleBytes) => new(Folder, maximumBytes, TimeProvider.System);

    static OverflowDelivery Delivery(string text, Guid tenant = default) => new(tenant, UsageFormat.Event, ReceivedAt, [text]);

    static async Task<List<OverflowDelivery>> ReadAsync(UsageSpool spool)
    {
        var deliveries = new List<OverflowDelivery>();
        foreach (var file in spool.PendingFiles())
        {
            deliveries.AddRange(await ReadAsync(file));
        }

        return deliveries;
    }

    static async Task<List<OverflowDelivery>> ReadAsync(SpoolFile file)
    {
        var deliveries = new List<OverflowDelivery>();
        await foreach (var (_, delivery) in file.ReadAsync(default))
        {
            deliveries.Add(delivery);
        }

        return deliveries;
    }
}
