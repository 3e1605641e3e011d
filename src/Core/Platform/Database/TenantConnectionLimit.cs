namespace ControlPlane.Platform.Database;

/// <summary>
/// Limits how many connections of a shared pool one tenant holds at the same time: requests that wait for the tenant's locks, or are slow, would otherwise
/// occupy all of them.
/// </summary>
/// <param name="timeout">How long a transaction waits for others of its tenant to end.</param>
sealed class TenantConnectionLimit(int connectionsPerTenant, TimeSpan timeout)
{
    readonly Lock _gate = new();
    readonly Dictionary<Guid, Tenant> _tenants = [];

    /// <returns>Disposed when the connection is returned to the pool.</returns>
    /// <exception cref="TenantBusyException">The tenant's other transactions did not end in time.</exception>
    public async Task<IDisposable> EnterAsync(Guid id, CancellationToken ct)
    {
        var place = new Place(this, id, Join(id));
        try
        {
            return await place.WaitAsync(timeout, ct) ? place : throw TenantBusyException.FullQueue();
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    Tenant Join(Guid id)
    {
        lock (_gate)
        {
            if (!_tenants.TryGetValue(id, out var tenant))
            {
                _tenants[id] = tenant = new Tenant(new SemaphoreSlim(connectionsPerTenant));
            }

            tenant.Transactions++;
            return tenant;
        }
    }

    void Leave(Guid id, Tenant tenant)
    {
        lock (_gate)
        {
            if (--tenant.Transactions == 0)
            {
                _tenants.Remove(id);
            }
        }
    }

    sealed class Tenant(SemaphoreSlim free)
    {
        public SemaphoreSlim Free => free;

        /// <summary>Running and waiting.</summary>
        public int Transactions { get; set; }
    }

    sealed class Place(TenantConnectionLimit limit, Guid id, Tenant tenant) : IDisposable
    {
        bool _isHeld;
        bool _isDisposed;

        public async Task<bool> WaitAsync(TimeSpan timeout, CancellationToken ct) => _isHeld = await tenant.Free.WaitAsync(timeout, ct);

        public void Dispose()
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            if (_isHeld)
            {
                tenant.Free.Release();
            }

            limit.Leave(id, tenant);
        }
    }
}
