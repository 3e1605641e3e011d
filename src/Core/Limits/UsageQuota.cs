namespace ControlPlane.Limits;

/// <summary>
/// How many usage events a tenant may report on a UTC day, by which its use of the disk is bounded (<c>control.usage_quota</c>). It is above what the tenant's limits allow
/// to authorize, and calls are denied before it is reached. Rows of counters, one for each day, model and user, may be a fifth of it. An event with long ids counts as several.
/// </summary>
/// <param name="Events">Of every tenant, beside two for each token that it may use on a day.</param>
/// <param name="Maximum">Of any tenant, also of those whose tokens are not limited.</param>
/// <param name="BeforeReady">Of a tenant whose environment was never ready: no call of it was allowed yet.</param>
public sealed record UsageQuota(long Events, long Maximum, long BeforeReady)
{
    /// <summary>Of so many events, one may need a counter of its own. authorize.sql has the same number.</summary>
    public const int EventsPerCounter = 5;

    /// <summary>Of ids, in UTF-8: an event counts once more for each of these.</summary>
    public const int BytesPerEvent = 256;
}
