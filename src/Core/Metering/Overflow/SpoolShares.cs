namespace ControlPlane.Metering.Overflow;

/// <summary>
/// How much of the spool each tenant fills. Files of an earlier process are not attributed: a process starts with a database that is available, and drains them.
/// </summary>
/// <param name="maximumBytes">Size on disk that one tenant may fill.</param>
sealed class SpoolShares(long maximumBytes)
{
    readonly Lock _gate = new();
    readonly Dictionary<Guid, double> _byTenant = [];
    readonly Dictionary<string, IReadOnlyList<(Guid Tenant, double Bytes)>> _byFile = new(StringComparer.Ordinal);

    public bool HasRoom(Guid tenant)
    {
        lock (_gate)
        {
            return _byTenant.GetValueOrDefault(tenant) < maximumBytes;
        }
    }

    /// <summary>Divides a file, which is compressed as a whole, among the tenants by the length of their deliveries.</summary>
    public void Add(SpoolFile file, IReadOnlyCollection<(Guid Tenant, int Length)> deliveries)
    {
        var bytesPerByte = file.Bytes / deliveries.Sum(delivery => (double)delivery.Length);
        var shares = deliveries.GroupBy(delivery => delivery.Tenant)
            .Select(tenant => (tenant.Key, tenant.Sum(delivery => (double)delivery.Length) * bytesPerByte)).ToList();
        lock (_gate)
        {
            _byFile[file.Name] = shares;
            foreach (var (tenant, bytes) in shares)
            {
                _byTenant[tenant] = _byTenant.GetValueOrDefault(tenant) + bytes;
            }
        }
    }

    public void Remove(string file)
    {
        lock (_gate)
        {
            if (!_byFile.Remove(file, out var shares))
            {
                return;
            }

            foreach (var (tenant, bytes) in shares)
            {
                // Rounding leaves a fraction of a byte at most.
                if ((_byTenant[tenant] -= bytes) < 1)
                {
                    _byTenant.Remove(tenant);
                }
            }
        }
    }

    /// <summary>Forgets the files that <paramref name="exists"/> denies: another process on the same folder has drained them.</summary>
    public void RemoveMissing(Func<string, bool> exists)
    {
        List<string> files;
        lock (_gate)
        {
            files = [.. _byFile.Keys];
        }

        foreach (var file in files.Where(file => !exists(file)))
        {
            Remove(file);
        }
    }
}
