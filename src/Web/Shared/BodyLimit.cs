namespace ControlPlane.Web.Shared;

/// <summary>How large a request's body may be, and how long it may take to arrive. Metadata of an endpoint; by default that of JSON or of a form.</summary>
/// <param name="Bytes">Size of the largest body.</param>
/// <param name="Time">From the first read to the last byte.</param>
sealed record BodyLimit(long Bytes, TimeSpan Time)
{
    const int KiB = 1024;

    static readonly TimeSpan Brief = TimeSpan.FromSeconds(10);

    public static readonly BodyLimit Form = new(16 * KiB, Brief);
    public static readonly BodyLimit Json = new(64 * KiB, Brief);

    /// <summary>The key is looked up together with the body, so its format is checked before.</summary>
    public static readonly BodyLimit Authorize = new(16 * KiB, Brief) { NeedsTenantKey = true };

    /// <summary>The largest body takes a minute over a connection of 2.3 Mbit/s.</summary>
    public static readonly BodyLimit Usage = new(UsageBody.MaximumBytes, TimeSpan.FromSeconds(60));

    /// <summary>A year of a busy account; what a network may hold of unverified bodies on the smallest machine is twice that.</summary>
    public static readonly BodyLimit Statement = new(CamtStatement.MaximumBytes, TimeSpan.FromSeconds(60));

    /// <summary>What a stream of usage, which is not limited otherwise, has to bring in each <see cref="Time"/>.</summary>
    public const int StreamBytes = 16 * KiB;

    /// <summary>Without a well-formed tenant key the request is refused before its body is read.</summary>
    public bool NeedsTenantKey { get; init; }

    public static BodyLimit Of(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<BodyLimit>() ?? (context.Request.HasFormContentType || ErrorPages.IsPage(context.Request) ? Form : Json);
}
