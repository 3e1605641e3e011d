namespace ControlPlane.Web.Shared;

/// <summary>
/// A request's body, read no further than its <see cref="BodyLimit"/> and the budget that it counts towards allow: that for unauthenticated senders, or that of
/// a tenant's usage. Otherwise reading throws, and <see cref="Violation"/> is the status to respond with: readers of forms wrap the exception.
/// </summary>
sealed class BoundedBody(HttpContext context, Stream body, BodyLimit limit, UnverifiedBytes unverified) : Stream
{
    readonly SharedBytes _budget = unverified.Of(limit);
    readonly string _sender = RateLimits.Client(context.Connection.RemoteIpAddress);
    CancellationTokenSource? _deadline;
    TimeSpan _timeLeft = limit.Time;
    UsageDelivery? _delivery;
    bool _isStream;
    long _read, _counted;

    /// <summary>408, 413, 429 or 503; null as long as the body is within its limits.</summary>
    public int? Violation { get; private set; }

    /// <summary>
    /// The endpoint has authenticated the sender: the body, as far as it is read and from now on, counts towards the budget of its tenant. It does so until the
    /// response is written, because a client that reads slowly keeps what it made in memory.
    /// </summary>
    /// <exception cref="BadHttpRequestException">The tenant's share of the budget is exhausted.</exception>
    public void SetVerified(UsageDelivery delivery)
    {
        var read = Interlocked.Read(ref _counted);
        Release();
        _delivery = delivery;
        Count(read);
    }

    /// <summary>
    /// For a stream of any length from an authenticated sender. It may last any time, but has to bring <see cref="BodyLimit.StreamBytes"/> in each
    /// <see cref="BodyLimit.Time"/> that is spent waiting for it. The server's own minimum is an average: a stream that began fast could stall for days.
    /// </summary>
    public void SetStream(UsageDelivery delivery)
    {
        SetVerified(delivery);
        _isStream = true;
    }

    /// <summary>The endpoint responds to the violation itself.</summary>
    public int? TakeViolation()
    {
        var violation = Violation;
        Violation = null;
        return violation;
    }

    /// <summary>Returns the bytes to the budget. Idempotent.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _counted, 0) is > 0 and var bytes)
        {
            _budget.Remove(_sender, bytes);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Violation is { } former)
        {
            throw Stop(former);
        }

        if (!_isStream && context.Request.ContentLength > limit.Bytes)
        {
            throw Stop(StatusCodes.Status413PayloadTooLarge);
        }

        var started = Environment.TickCount64;
        var read = await ReadInTimeAsync(buffer, cancellationToken);
        _read += read;
        if (_isStream)
        {
            Pace(TimeSpan.FromMilliseconds(Environment.TickCount64 - started));
        }
        else if (_read > limit.Bytes)
        {
            throw Stop(StatusCodes.Status413PayloadTooLarge);
        }

        Count(read);
        return read;
    }

    // The time between reads, in which a batch is counted, is not the sender's.
    void Pace(TimeSpan waited)
    {
        _deadline!.CancelAfter(Timeout.InfiniteTimeSpan);
        _timeLeft -= waited;
        if (_read >= BodyLimit.StreamBytes)
        {
            (_read, _timeLeft) = (0, limit.Time);
        }
    }

    async ValueTask<int> ReadInTimeAsync(Memory<byte> buffer, CancellationToken ct)
    {
        if (_deadline is null || _isStream)
        {
            _deadline ??= CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            _deadline.CancelAfter(_timeLeft > TimeSpan.Zero ? _timeLeft : TimeSpan.Zero);
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

    void Count(long read)
    {
        if (read == 0)
        {
            return;
        }

        if (_delivery is { } delivery)
        {
            if (delivery.TryHold(read) is { } refusal)
            {
                throw Stop(refusal);
            }
        }
        else if (context.User.Identity is not { IsAuthenticated: true })
        {
            if (!_budget.TryAdd(_sender, read))
            {
                throw Stop(StatusCodes.Status503ServiceUnavailable);
            }

            Interlocked.Add(ref _counted, read);
        }
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
            _delivery?.Dispose();
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
