using System.Text;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Checks that every event was accepted and counted, because a server that loses events has no valid result.</summary>
static class AcceptedEvents
{
    /// <exception cref="InvalidDataException">An event was not accepted.</exception>
    public static void Check(ReadOnlyMemory<byte> response)
    {
        if (response.Span.IndexOf("\"duplicates\":0,\"rejected_total\":0,"u8) < 0)
        {
            throw new InvalidDataException(Encoding.UTF8.GetString(response.Span));
        }
    }

    /// <exception cref="InvalidDataException">Events, counters or budgets differ from the sent events.</exception>
    public static async Task VerifyAsync(BenchEnvironment environment, long events, CancellationToken ct)
    {
        var stored = await environment.ScalarAsync<long>("select count(*) from control.usage_event", ct);
        var counted = await environment.ScalarAsync<long>("select coalesce(sum(requests), 0)::bigint from control.usage_counter", ct);
        var tokens = await environment.ScalarAsync<long>("select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint from control.usage_event", ct);
        var budget = await environment.ScalarAsync<long>("select coalesce(sum(used), 0)::bigint from control.budget where meter = 'tokens' and span = 'day'", ct);
        if (stored != events || counted != events || tokens != budget)
        {
            throw new InvalidDataException($"Sent {events} events; stored {stored}, counted {counted}; {tokens} tokens, {budget} in budgets.");
        }
    }
}
