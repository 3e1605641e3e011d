using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace ControlPlane.Tests.Metering.Overflow;

public sealed class UsageSpoolTests : IDisposable
{
    const long Roomy = 1 << 30;
    static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    readonly string _parent = Directory.CreateTempSubdirectory("controlplane-spool-").FullName;

    string Folder => Path.Combine(_parent, "spool");

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public async Task What_is_added_is_there_in_its_order_after_a_restart()
    {
        await using (var spool = NewSpool())
        {
            for (var n = 0; n < 20; n++)
            {
                await spool.AddAsync(Delivery($"e{n}"), default);
            }
        }

        await using var again = NewSpool();
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $"e{n}"), (await ReadAsync(again)).SelectMany(delivery => delivery.Events));
        Assert.Equal(20, again.Backlog().Events);
        Assert.NotNull(again.Backlog().Oldest);
    }

    [Fact]
    public async Task Deliveries_that_come_at_once_share_files_and_each_is_there_once()
    {
        await using var spool = NewSpool();
        var names = Enumerable.Range(0, 500).Select(n => $"e{n}").ToList();

        await Task.WhenAll(names.Select(name => Task.Run(() => spool.AddAsync(Delivery(name), default))));

        Assert.Equal(names.Order(), (await ReadAsync(spool)).SelectMany(delivery => delivery.Events).Order());
        Assert.True(spool.Waiting().Count < names.Count);
        Assert.Equal(names.Count, spool.Backlog().Events);
    }

    [Fact]
    public async Task A_file_that_was_not_finished_is_not_there_and_goes_when_it_is_old()
    {
        Directory.CreateDirectory(Folder);
        var (torn, old) = (Path.Combine(Folder, "20260131T120000.0000000Z-00000000-1.json.gz.partial"), Path.Combine(Folder, "20260101T120000.0000000Z-00000000-1.json.gz.partial"));
        await File.WriteAllTextAsync(torn, "half of");
        await File.WriteAllTextAsync(old, "half of");
        File.SetLastWriteTimeUtc(old, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-2));

        await using var spool = NewSpool();

        Assert.Empty(spool.Waiting());
        Assert.True(File.Exists(torn));
        Assert.False(File.Exists(old));
    }

    [Fact]
    public async Task A_file_that_is_cut_short_or_changed_anywhere_is_never_read_as_less_or_as_something_else()
    {
        await using var spool = NewSpool();
        await Task.WhenAll(spool.AddAsync(Delivery("e1"), default), spool.AddAsync(Delivery("e2"), default));
        var file = spool.Waiting()[^1];
        var whole = await ReadAsync(file);
        var bytes = await File.ReadAllBytesAsync(file.Path);
        var cut = Enumerable.Range(0, bytes.Length).Select(length => bytes[..length]);
        var changed = Enumerable.Range(0, bytes.Length).Select(at => (byte[])[.. bytes[..at], (byte)(bytes[at] ^ 4), .. bytes[(at + 1)..]]);

        var unreadable = 0;
        foreach (var damaged in cut.Concat(changed))
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

        // What is not noticed is in the header or the last bytes, which say nothing about the content.
        Assert.InRange(unreadable, (2 * bytes.Length) - 30, 2 * bytes.Length);
    }

    [Fact]
    public async Task Full_it_takes_nothing_until_there_is_room_and_a_restart_does_not_forget()
    {
        await using (var spool = NewSpool(maximumBytes: 1))
        {
            await spool.AddAsync(Delivery("e1"), default);
            await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e2"), default));
        }

        await using var again = NewSpool(maximumBytes: 1);
        await Assert.ThrowsAsync<OverflowFullException>(() => again.AddAsync(Delivery("e2"), default));
        again.Remove(Assert.Single(again.Waiting()));
        await again.AddAsync(Delivery("e3"), default);
        Assert.Equal(["e3"], Assert.Single(await ReadAsync(again)).Events);
    }

    [Fact]
    public async Task A_disk_that_fails_is_told_and_leaves_nothing_behind()
    {
        await using var spool = NewSpool();
        Directory.Delete(Folder, recursive: true);

        await Assert.ThrowsAsync<OverflowFullException>(() => spool.AddAsync(Delivery("e1"), default));
        Directory.CreateDirectory(Folder);
        Assert.Empty(Directory.GetFiles(Folder));
        await spool.AddAsync(Delivery("e2"), default);
        Assert.Single(spool.Waiting());
    }

    [Fact]
    public async Task Nobody_else_may_read_it()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using var spool = NewSpool();
        await spool.AddAsync(Delivery("e1"), default);

        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(own | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(own, File.GetUnixFileMode(Assert.Single(spool.Waiting()).Path));
    }

    [Fact]
    public async Task What_is_set_aside_lies_apart_with_its_reason_and_moved_back_it_waits_again()
    {
        await using var spool = NewSpool();
        await spool.AddAsync(Delivery("e1"), default);
        var file = Assert.Single(spool.Waiting());

        spool.SetAside(file, line: 1, Delivery("e1"), "it breaks a rule");
        spool.SetAside(file, line: 1, Delivery("e1"), "it breaks a rule");
        spool.Remove(file);

        Assert.Empty(spool.Waiting());
        Assert.Equal(1, spool.Backlog().FailedFiles);
        Assert.Equal("it breaks a rule", (await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(spool.FailedFolder, "*.reason.txt")))).Trim());
        var aside = Assert.Single(Directory.GetFiles(spool.FailedFolder, "*.json.gz"));
        File.Move(aside, Path.Combine(Folder, Path.GetFileName(aside)));
        Assert.Equal(["e1"], Assert.Single(await ReadAsync(spool)).Events);
        Assert.Equal(file.WrittenAt, spool.Backlog().Oldest);
    }

    [Fact]
    public async Task What_waits_and_what_failed_is_measured_until_the_spool_is_closed()
    {
        // More than any other spool of the tests that run beside this one.
        const int Many = 4_711;
        var measured = new ConcurrentDictionary<string, ConcurrentBag<double>>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.Start();
        await using (var spool = NewSpool())
        {
            await spool.AddAsync(new OverflowDelivery(Guid.Empty, UsageFormat.Event, ReceivedAt, [.. Enumerable.Repeat("{}", Many)]), default);
            listener.RecordObservableInstruments();
        }

        Assert.Contains(Many, measured["usage.overflow.waiting"]);
        Assert.Contains(4_096, measured["usage.overflow.size"]);
        Assert.Contains(measured["usage.overflow.age"], seconds => seconds > 0);
        Assert.Contains(0, measured["usage.overflow.failed"]);
        measured.Clear();
        listener.RecordObservableInstruments();
        Assert.DoesNotContain(Many, measured.GetValueOrDefault("usage.overflow.waiting", []));
    }

    UsageSpool NewSpool(long maximumBytes = Roomy) => new(Folder, maximumBytes, TimeProvider.System);

    static OverflowDelivery Delivery(string text) => new(Guid.Empty, UsageFormat.Event, ReceivedAt, [text]);

    static async Task<List<OverflowDelivery>> ReadAsync(UsageSpool spool)
    {
        var deliveries = new List<OverflowDelivery>();
        foreach (var file in spool.Waiting())
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
