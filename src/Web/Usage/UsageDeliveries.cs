namespace ControlPlane.Web.Usage;

/// <summary>
/// What usage deliveries of authenticated senders hold of this process: the number of requests, and the bytes of their bodies in memory. One tenant may use a
/// quarter of the bytes, so that it cannot keep all others out.
/// </summary>
/// <param name="maximumBytes">Of all tenants together.</param>
sealed class UsageDeliveries(long maximumBytes)
{
    /// <summary>Each holds a connection for as long as its sender keeps it going.</summary>
    public const int StreamsPerTenant = 4;

    /// <summary>A gateway sends its events in batches, one after the other; one that sends them singly has as many in progress as calls that end at once.</summary>
    public const int BodiesPerTenant = 256;

    const int TenantPart = 4;

    /// <summary>A tenant may always hold this much, so that small deliveries are accepted while large ones of other tenants use up the rest.</summary>
    const int AlwaysFree = 256 * 1024;

    /// <summary>In MiB. It lets one tenant send the longest line of a stream.</summary>
    const int Minimum = 128;

    readonly Lock _gate = new();
    readonly Dictionary<Guid, TenantDeliveries> _byTenant = [];
    long _bytes;

    /// <exception cref="SettingException">The setting is invalid.</exception>
    public static UsageDeliveries Read(IConfiguration configuration) =>
        new(configuration.ReadMemory("CONTROLPLANE_USAGE_BODIES", Minimum, defaultPart: 8, defaultBounds: (Minimum, 512)));

    /// <returns>null when the tenant has too many deliveries of this kind in progress.</returns>
    public UsageDelivery? TryStart(Guid tenant, bool isStream)
    {
        lock (_gate)
        {
            var ofTenant = _byTenant.GetValueOrDefault(tenant) ?? new TenantDeliveries(tenant);
            if (isStream ? ofTenant.Streams >= StreamsPerTenant : ofTenant.Bodies >= BodiesPerTenant)
            {
                return null;
            }

            _byTenant[tenant] = ofTenant;
            _ = isStream ? ofTenant.Streams++ : ofTenant.Bodies++;
            return new UsageDelivery(this, ofTenant, isStream);
        }
    }

    /// <returns>null, or the status to respond with: 429 when the tenant holds its share, 503 when all together hold everything.</returns>
    internal int? TryHold(TenantDeliveries ofTenant, long bytes)
    {
        lock (_gate)
        {
            var held = ofTenant.Bytes + bytes;
            if (held > maximumBytes / TenantPart)
            {
                return StatusCodes.Status429TooManyRequests;
            }

            if (held > AlwaysFree && _bytes + bytes > maximumBytes)
            {
                return StatusCodes.Status503ServiceUnavailable;
            }

            ofTenant.Bytes = held;
            _bytes += bytes;
            return null;
        }
    }

    internal void Return(TenantDeliveries ofTenant, long bytes)
    {
        lock (_gate)
        {
            ofTenant.Bytes -= bytes;
            _bytes -= bytes;
        }
    }

    internal void End(TenantDeliveries ofTenant, bool isStream)
    {
        lock (_gate)
        {
            _ = isStream ? ofTenant.Streams-- : ofTenant.Bodies--;
            if (ofTenant is { Streams: 0, Bodies: 0 })
            {
                _byTenant.Remove(ofTenant.Tenant);
            }
        }
    }
}

/// <summary>What the deliveries of one tenant hold together.</summary>
sealed class TenantDeliveries(Guid tenant)
{
    public Guid Tenant => tenant;
    public int Streams { get; set; }
    public int Bodies { get; set; }
    public long Bytes { get; set; }
    public SemaphoreSlim Parsing { get; } = new(1);
}

/// <summary>One delivery in progress. Used by its request only.</summary>
sealed class UsageDelivery(UsageDeliveries deliveries, TenantDeliveries ofTenant, bool isStream) : IDisposable
{
    long _held;
    bool _ended;

    /// <inheritdoc cref="UsageDeliveries.TryHold"/>
    public int? TryHold(long bytes)
    {
        var refusal = deliveries.TryHold(ofTenant, bytes);
        _held += refusal is null ? bytes : 0;
        return refusal;
    }

    /// <summary>Returns everything beyond this: the rest of what was read is committed.</summary>
    public void KeepOnly(long bytes)
    {
        if (bytes < _held)
        {
            deliveries.Return(ofTenant, _held - bytes);
            _held = bytes;
        }
    }

    /// <summary>Parses one delivery of the tenant at a time: a large one keeps a processor busy for as long as many small ones of others.</summary>
    public async Task<T> ParseAsync<T>(Func<T> parse, CancellationToken ct)
    {
        await ofTenant.Parsing.WaitAsync(ct);
        try
        {
            return parse();
        }
        finally
        {
            ofTenant.Parsing.Release();
        }
    }

    public void Dispose()
    {
        if (!_ended)
        {
            _ended = true;
            KeepOnly(0);
            deliveries.End(ofTenant, isStream);
        }
    }
}
