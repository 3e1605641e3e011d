using ControlPlane.Tests.Support.Budgets;

namespace ControlPlane.Tests;

/// <summary>Invariants of budgets, tested with random scripts of concurrent operations, expiries, midnights and period ends.</summary>
public sealed class BudgetProperties : IAsyncLifetime
{
    const int Runs = 14;
    const int Groups = 40;
    const int MaxShrinks = 60;

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: new(2026, 1, 31, 23, 50, 0, TimeSpan.Zero));

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Hard_limits_are_never_exceeded_and_budgets_always_match_events_and_reservations(bool controlled)
    {
        for (var seed = 1; seed <= Runs; seed++)
        {
            var script = BudgetScripts.Random(seed, controlled, Groups);
            if (await RunAsync(script, controlled) is { } violation)
            {
                var (smallest, reason) = await ShrinkAsync(script, controlled, violation);
                Assert.Fail($"Seed {seed}: {reason}\n{string.Join('\n', smallest)}");
            }
        }
    }

    async Task<string?> RunAsync(List<Group> script, bool controlled)
    {
        await using var run = await BudgetRun.StartAsync(_server, controlled);
        return await run.RunAsync(script);
    }

    // Removes groups, starting with half of them, as long as the script still fails.
    async Task<(List<Group> Script, string Reason)> ShrinkAsync(List<Group> script, bool controlled, string reason)
    {
        var attempts = 0;
        for (var size = script.Count / 2; size >= 1; size /= 2)
        {
            for (var at = 0; at < script.Count && attempts < MaxShrinks; attempts++)
            {
                List<Group> without = [.. script.Take(at), .. script.Skip(at + size)];
                if (await RunAsync(without, controlled) is { } violation)
                {
                    (script, reason) = (without, violation);
                }
                else
                {
                    at += size;
                }
            }
        }

        return (script, reason);
    }
}
