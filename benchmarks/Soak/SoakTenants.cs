using System.Text.Json;
using Npgsql;

namespace ControlPlane.Benchmarks.Soak;

/// <param name="Secret">Of its webhook signatures.</param>
/// <param name="IsLimited">Whether its plan has hard limits, so that every call has to be authorized.</param>
sealed record SoakTenant(Guid Id, string Key, byte[] Secret, bool IsLimited);

/// <summary>Tenants of all plans, in order of popularity: the n-th is called 1/n times as often as the first.</summary>
sealed class SoakTenants
{
    static readonly string[] Plans = ["basic", "premium", "trial", "basic", "enterprise"];
    static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    readonly IReadOnlyList<SoakTenant> _all;
    readonly double[] _cumulated;
    readonly IReadOnlyList<SoakTenant> _unlimited;

    SoakTenants(IReadOnlyList<SoakTenant> all)
    {
        _all = all;
        _unlimited = [.. all.Where(tenant => !tenant.IsLimited)];
        _cumulated = new double[all.Count];
        for (var rank = 0; rank < all.Count; rank++)
        {
            _cumulated[rank] = (rank == 0 ? 0 : _cumulated[rank - 1]) + (1.0 / (rank + 1));
        }
    }

    public int Count => _all.Count;

    /// <summary>Zipf's law with exponent 1.</summary>
    public SoakTenant Next(Random random)
    {
        var place = Array.BinarySearch(_cumulated, random.NextDouble() * _cumulated[^1]);
        return _all[place < 0 ? ~place : place];
    }

    public SoakTenant NextUnlimited(Random random) => _unlimited[random.Next(_unlimited.Count)];

    /// <summary>Creates tenants and waits until their environments are ready.</summary>
    public static async Task<SoakTenants> CreateAsync(SoakPlatform platform, int count, CancellationToken ct)
    {
        var tenants = new SoakTenant[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (number, ct) =>
        {
            var plan = Plans[number % Plans.Length];
            using var created = await platform.Operator.PostAsJsonAsync(
                "/v1/admin/tenants", new { organization = $"Tenant {number}", slug = $"soak-{number}", plan, email = $"owner{number}@soak.example", country = "DE" }, ct);
            var reply = await created.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(ct);
            tenants[number] = new SoakTenant(
                reply.GetProperty("tenant_id").GetGuid(), reply.GetProperty("api_key").GetString()!,
                Convert.FromBase64String(reply.GetProperty("webhook_secret").GetString()!["whsec_".Length..]), IsLimited: plan != "enterprise");
        });
        await using var database = NpgsqlDataSource.Create(platform.ConnectionString);
        await using var ready = database.CreateCommand("select count(*) from control.environment where state = 'ready'");
        while ((long)(await ready.ExecuteScalarAsync(ct))! < count)
        {
            await Task.Delay(PollInterval, ct);
        }

        return new SoakTenants(tenants);
    }
}
