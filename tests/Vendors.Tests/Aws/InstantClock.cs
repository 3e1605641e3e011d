namespace ControlPlane.Tests.Aws;

/// <summary>A clock that starts at a fixed time. Delays elapse at once and advance it by their length.</summary>
sealed class InstantClock(DateTimeOffset now) : TimeProvider
{
    public static InstantClock AtFixedTime() => new(new DateTimeOffset(2026, 8, 1, 12, 0, 0, TimeSpan.Zero));

    readonly Lock _lock = new();
    DateTimeOffset _now = now;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return _now;
        }
    }

    public void Move(TimeSpan by)
    {
        lock (_lock)
        {
            _now += by;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero)
        {
            Move(dueTime);
        }

        return new Timer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
