using ControlPlane.Tests.Support.Budgets;

namespace ControlPlane.Tests;

/// <summary>The rules of a budget, over random histories with races, expiries, midnights and ends of periods.</summary>
[Trait("Category", "Slow")]
public sealed class BudgetProperties : IAsyncLifetime
{
    const int Runs = 14;
    const int Groups = 40;
    const int Shrinks = 60;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: new(2026, 1, 31, 23, 50, 0, TimeSpan.Zero));

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nothing_is_let_in_beyond_a_hard_limit_and_the_books_are_right_at_every_moment(bool controlled)
    {
        for (var seed = 1; seed <= Runs; seed++)
        {
            var script = BudgetScripts.Random(seed, controlled, Groups);
            if (await PlayAsync(script, controlled) is { } wrong)
            {
                var (smallest, why) = await ShrinkAsync(script, controlled, wrong);
                Assert.Fail($"Seed {seed}: {why}\n{string.Join('\n', smallest)}");
            }
        }
    }

    async Task<string?> PlayAsync(List<Group> script, bool controlled)
    {
        await using var run = await BudgetRun.StartAsync(_server, controlled);
        return await run.PlayAsync(script);
    }

    // Leaves out groups, halves first, as long as something still goes wrong.
    async Task<(List<Group> Script, string Why)> ShrinkAsync(List<Group> script, bool controlled, string why)
    {
        var tries = 0;
        for (var size = script.Count / 2; size >= 1; size /= 2)
        {
            for (var at = 0; at < script.Count && tries < Shrinks; tries++)
            {
                List<Group> without = [.. script.Take(at), .. script.Skip(at + size)];
                if (await PlayAsync(without, controlled) is { } still)
                {
                    (script, why) = (without, still);
                }
                else
                {
                    at += size;
                }
            }
        }

        return (script, why);
    }
}
