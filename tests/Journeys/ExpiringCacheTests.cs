namespace ControlPlane.Tests;

[Trait("Category", "Quick")]
public class ExpiringCacheTests
{
    static readonly TimeSpan TimeToLive = TimeSpan.FromMinutes(15);

    [Fact]
    public void An_entry_expires_after_its_time_to_live_and_adding_it_again_renews_it()
    {
        var time = new TestTime();
        var cache = new ExpiringCache<string, int>(TimeToLive, time);
        cache.Add("a", 1);

        time.Now += TimeToLive - TimeSpan.FromTicks(1);
        Assert.True(cache.TryFind("a", out var value));
        Assert.Equal(1, value);
        cache.Add("b", 2);
        time.Now += TimeSpan.FromTicks(1);
        Assert.False(cache.TryFind("a", out _));
        Assert.True(cache.TryFind("b", out _));

        cache.Add("a", 1);
        Assert.True(cache.TryFind("a", out _));
        cache.Remove("a");
        Assert.False(cache.TryFind("a", out _));
    }

    [Fact]
    public void Setting_the_clock_back_does_not_extend_an_entry()
    {
        var time = new TestTime();
        var cache = new ExpiringCache<string, int>(TimeToLive, time);
        cache.Add("a", 1);

        time.Now -= TimeSpan.FromSeconds(1);

        Assert.False(cache.TryFind("a", out _));
    }

    [Fact]
    public void A_time_to_live_of_zero_disables_the_cache()
    {
        var cache = new ExpiringCache<string, int>(TimeSpan.Zero, new TestTime());
        cache.Add("a", 1);
        Assert.False(cache.TryFind("a", out _));
    }

    [Fact]
    public void The_least_recently_added_entries_are_evicted_first()
    {
        const int Many = 50_000;
        var cache = new ExpiringCache<int, int>(TimeToLive, new TestTime());
        for (var n = 0; n < Many; n++)
        {
            cache.Add(n, n);
            // Added again all the time.
            cache.Add(-1, -1);
        }

        var remaining = Enumerable.Range(0, Many).Count(n => cache.TryFind(n, out _));
        Assert.InRange(remaining, 9_000, 20_000);
        Assert.True(cache.TryFind(Many - 1, out _));
        Assert.True(cache.TryFind(-1, out _));
        Assert.False(cache.TryFind(0, out _));
    }

    sealed class TestTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
