using System.Text;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>A fast answer that lost something is not fast.</summary>
static class Accepted
{
    /// <exception cref="InvalidDataException">Something was not accepted.</exception>
    public static void Check(ReadOnlyMemory<byte> answer)
    {
        if (answer.Span.IndexOf("\"duplicates\":0,\"rejected\":[]"u8) < 0)
        {
            throw new InvalidDataException(Encoding.UTF8.GetString(answer.Span));
        }
    }

    /// <exception cref="InvalidDataException">Events, counters and budgets are not what was sent.</exception>
    public static async Task VerifyAsync(World world, long events, CancellationToken ct)
    {
        var stored = await world.ScalarAsync<long>("select count(*) from control.usage_event", ct);
        var counted = await world.ScalarAsync<long>("select coalesce(sum(requests), 0)::bigint from control.usage_counter", ct);
        var tokens = await world.ScalarAsync<long>("select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint from control.usage_event", ct);
        var budget = await world.ScalarAsync<long>("select coalesce(sum(used), 0)::bigint from control.budget where meter = 'tokens' and span = 'day'", ct);
        if (stored != events || counted != events || tokens != budget)
        {
            throw new InvalidDataException($"Sent {events} events; stored {stored}, counted {counted}; {tokens} tokens, {budget} in budgets.");
        }
    }
}
