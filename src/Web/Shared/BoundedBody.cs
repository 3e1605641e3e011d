namespace ControlPlane.Web.Shared;

/// <summary>
/// A request's body, read no further than its <see cref="BodyLimit"/> and the budget for unauthenticated senders allow. Otherwise reading throws, and
/// <see cref="Violation"/> is the status to respond with: readers of forms wrap the exception.
/// </summary>
sealed class BoundedBody(HttpContext context, Stream body, BodyLimit limit, UnverifiedBytes budget) : Stream
{
    string _sender = RateLimits.Client(context.Connection.RemoteIpAddress);
    CancellationTokenSource? _deadline;
    bool _isVerified, _isUnlimited;
    long _read, _counted;

    /// <summary>408, 413 or 503; null as long as the body is within its limits.</summary>
    public int? Violation { get; private set; }

    /// <summary>
    /// Counts the body, which is not read yet, as one that this address sends for this tenant. Not for the tenant alone: whoever knows its id could use up its
    /// share.
    /// </summary>
    public void SetClaimedTenant(Guid tenant) => _sender = $"{_sender} {tenant}";

    /// <summary>The endpoint has authenticated the sender: the body no longer counts towards the budget.</summary>
    public void SetVerified()
    {
        _isVerified = true;
        Release();
    }

    /// <summary>For a stream of any length from an authenticated sender. The server still ends it when too little arrives.</summary>
    public void RemoveLimits()
    {
        SetVerified();
        _isUnlimited = true;
    }

    /// <summary>Returns the bytes to the budget. Idempotent.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _counted, 0) is > 0 and var bytes)
        {
            budget.Remove(_sender, bytes);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isUnlimited)
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }

        if (Violation is { } former)
        {
            throw Stop(former);
        }

        if (context.Request.ContentLength > limit.Bytes)
        {
            throw Stop(StatusCodes.Status413PayloadTooLarge);
        }

        var read = await ReadInTimeAsync(buffer, cancellationToken);
        _read += read;
        if (_read > limit.Bytes)
        {
            throw Stop(StatusCodes.Status413PayloadTooLarge);
        }

        Count(read);
        return read;
    }

    async ValueTask<int> ReadInTimeAsync(Memory<byte> buffer, CancellationToken ct)
    {
        if (_deadline is null)
        {
            _deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            _deadline.CancelAfter(limit.Time);
        }

        using var either = ct.CanBeCanceled && ct != context.RequestAborted ? CancellationTokenSource.CreateLinkedTokenSource(ct, _deadline.Token) : null;
        try
        {
            return await body.ReadAsync(buffer, either?.Token ?? _deadline.Token);
        }
        catch (OperationCanceledException) when (_deadline.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            throw Stop(StatusCodes.Status408RequestTimeout);
        }
        catch (BadHttpRequestException e) when (e.StatusCode is StatusCodes.Status408RequestTimeout or StatusCodes.Status413PayloadTooLarge)
        {
            // A limit of the server.
            throw Stop(e.StatusCode);
        }
    }

    void Count(int read)
    {
        if (read == 0 || _isVerified || context.User.Identity is { IsAuthenticated: true })
        {
            return;
        }

        if (!budget.TryAdd(_sender, read))
        {
            throw Stop(StatusCodes.Status503ServiceUnavailable);
        }

        Interlocked.Add(ref _counted, read);
    }

    BadHttpRequestException Stop(int status)
    {
        Violation = status;
        return new BadHttpRequestException("The body exceeds its limits.", status);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _deadline?.Dispose();
            Release();
        }

        base.Dispose(disposing);
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Request bodies are read asynchronously.");
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
