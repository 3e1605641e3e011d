namespace ControlPlane.DataPlane.Compose;

/// <summary>
/// A file that fails instead of filling the disk: how much a dump takes up does not follow from what the database does, because a tenant decides what is in it. Others write meanwhile, so the
/// room is asked for again and again.
/// </summary>
/// <param name="most">Bytes.</param>
/// <param name="room">Bytes that may be taken up now.</param>
public sealed class BoundedFileStream(string path, long most, Func<long> room) : Stream
{
    const int CheckEvery = 16 << 20;

    readonly FileStream _file = File.Create(path);
    long _checkedAt = -CheckEvery;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => _file.Length;
    public override long Position { get => _file.Position; set => throw new NotSupportedException(); }

    /// <exception cref="StepFailedException">The limit is reached, or the disk has no room.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Require(buffer.Length);
        await _file.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count)
    {
        Require(count);
        _file.Write(buffer, offset, count);
    }

    public override void Flush() => _file.Flush(flushToDisk: true);

    public override Task FlushAsync(CancellationToken cancellationToken) => _file.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        await base.DisposeAsync();
    }

    void Require(int count)
    {
        if (_file.Position + count > most)
        {
            throw new StepFailedException($"The copy is larger than {most >> 20} MiB, twice what the environment stores: delete the tenant without a last copy.");
        }

        if (_file.Position - _checkedAt >= CheckEvery)
        {
            _checkedAt = _file.Position;
            if (room() < CheckEvery)
            {
                throw new StepFailedException("The disk has no room for the copy beyond its reserve (CONTROLPLANE_DISK_RESERVE): free some space and retry, or delete the tenant without a last copy.");
            }
        }
    }
}
