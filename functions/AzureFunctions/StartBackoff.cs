using System.Globalization;

namespace ControlPlane.AzureFunctions;

/// <summary>When a start that has failed may be tried again: after 5 seconds, then twice as long each time, up to 5 minutes.</summary>
sealed class StartBackoff(TimeProvider time)
{
    static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5), LongestPause = TimeSpan.FromMinutes(5);

    TimeSpan _pause = FirstPause;
    DateTimeOffset _retryAt = DateTimeOffset.MinValue;

    public bool MayTry => time.GetUtcNow() >= _retryAt;

    /// <summary>Value of a Retry-After header.</summary>
    public string RetryAfterSeconds => Math.Max(1, Math.Ceiling((_retryAt - time.GetUtcNow()).TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    public void Failed()
    {
        _retryAt = time.GetUtcNow() + _pause;
        _pause = _pause * 2 > LongestPause ? LongestPause : _pause * 2;
    }
}
