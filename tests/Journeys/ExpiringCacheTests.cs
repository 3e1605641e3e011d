namespace ControlPlane.Tests;

public class ExpiringCacheTests
{
    static readonly TimeSpan Trust = TimeSpan.FromMinutes(15);

    [Fact]
    public void A_proof_holds_until_its_time_is_up_and_a_new_one_begins_it_anew()
    {
        var time = new SetTime();
        var proofs = new ExpiringCache<string, int>(Trust, time);
        proofs.Add("a", 1);

        time.Now += Trust - TimeSpan.FromTicks(1);
        Assert.True(proofs.TryFind("a", out var value));
        Assert.Equal(1, value);
        proofs.Add("b", 2);
        time.Now += TimeSpan.FromTicks(1);
        Assert.False(proofs.TryFind("a", out _));
        Assert.True(proofs.TryFind("b", out _));

        proofs.Add("a", 1);
        Assert.True(proofs.TryFind("a", out _));
        proofs.Remove("a");
        Assert.False(proofs.TryFind("a", out _));
    }

    [Fact]
    public void A_clock_that_is_set_back_prolongs_nothing()
    {
        var time = new SetTime();
        var proofs = new ExpiringCache<string, int>(Trust, time);
        proofs.Add("a", 1);

        time.Now -= TimeSpan.FromSeconds(1);

        Assert.False(proofs.TryFind("a", out _));
    }

    [Fact]
    public void No_trust_is_no_proof()
    {
        var proofs = new ExpiringCache<string, int>(TimeSpan.Zero, new SetTime());
        proofs.Add("a", 1);
        Assert.False(proofs.TryFind("a", out _));
    }

    [Fact]
    public void Of_too_many_those_longest_unheard_of_go()
    {
        const int Many = 50_000;
        var proofs = new ExpiringCache<int, int>(Trust, new SetTime());
        for (var n = 0; n < Many; n++)
        {
            proofs.Add(n, n);
            // Heard of all the time.
            proofs.Add(-1, -1);
        }

        var known = Enumerable.Range(0, Many).Count(n => proofs.TryFind(n, out _));
        Assert.InRange(known, 9_000, 20_000);
        Assert.True(proofs.TryFind(Many - 1, out _));
        Assert.True(proofs.TryFind(-1, out _));
        Assert.False(proofs.TryFind(0, out _));
    }

    sealed class SetTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
